/* SPDX-License-Identifier: BSD-2-Clause */
/* libFuzzer's entry to fuzz_options: build with clang -fsanitize=fuzzer,address,undefined. */
#include "reftcp/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_options(data, size);
	return 0;
}
