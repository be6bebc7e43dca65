# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything is built under build/. `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
SHARE = $(PREFIX)/share
CC = gcc
CLANG = clang
BPFTOOL = $(shell command -v bpftool || echo /usr/sbin/bpftool)
PYTHON = /usr/bin/python3
NAME = tcpwitness

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

ifeq ($(V),1)
Q =
say = @:
else
Q = @
say = @printf '  %-7s %s\n'
endif

# A sanitizer build lives beside the ordinary one.
ifeq ($(SAN),1)
OUT = $(BUILD)/san
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
OUT = $(BUILD)
SANITIZE =
endif
OBJ = $(OUT)/obj

# One list of packages for building, running the samples and testing.
PACKAGES = gcc clang clang-format libc6-dev libbpf-dev libelf-dev zlib1g-dev bpftool libmnl-dev \
	libcap-ng-dev libseccomp-dev libjson-c-dev libxxhash-dev libcmocka-dev pkg-config python3 \
	iproute2 nftables procps util-linux curl nginx-light redis-server openssh-server tcpdump \
	libcap2-bin
PACKAGES_FUZZ = libclang-rt-14-dev
PACKAGES_BENCH = libbpf-tools bpftrace liblwip-dev
PACKAGES_VM = qemu-system-x86 kmod busybox-static

COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
VERSION = 0.1.0
# The library's own; the first number changes with what breaks a program linked to it.
REFTCP_VERSION = 0.1.0
REFTCP_ABI = $(firstword $(subst ., ,$(REFTCP_VERSION)))

PKGS = libbpf libelf libcap-ng libseccomp libxxhash libmnl
# Asked by the recipe's shell: when make reads this file the packages may not be there yet.
PKG_CFLAGS = $$(pkg-config --cflags $(PKGS))
PKG_LIBS = $$(pkg-config --libs $(PKGS))
CPPFLAGS += -Iinclude -Iuser -I$(BUILD)/bpf -D_GNU_SOURCE
CFLAGS ?= -O2 -g
CFLAGS_ALL = -std=gnu11 -Wall -Wextra -Werror -Werror=switch-enum -fno-common $(CFLAGS) $(SANITIZE)

# ---- what is there -----------------------------------------------------------------------------
BPF_SRC = $(wildcard bpf/*.bpf.c)
# libbpf 1.1's linker wants map definitions before the objects that only declare them.
BPF_ORDER = bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(BPF_SRC))
BPF_OBJ = $(BPF_ORDER:bpf/%.bpf.c=$(BUILD)/bpf/%.bpf.o)
SKEL = $(BUILD)/bpf/tcpw.skel.h

REFTCP_SRC = $(shell find user/reftcp -name '*.c' 2>/dev/null)
USER_SRC = $(filter-out user/main.c $(REFTCP_SRC),$(shell find user -name '*.c'))
USER_OBJ = $(USER_SRC:%.c=$(OBJ)/%.o)
REFTCP_OBJ = $(REFTCP_SRC:%.c=$(OBJ)/%.o)
MAIN_OBJ = $(OBJ)/user/main.o
REFTCP_LIBS = $(OUT)/lib/libreftcp.a $(OUT)/lib/libreftcp.so.$(REFTCP_VERSION)
LIBS = $(OUT)/libtcpwitness.a $(if $(REFTCP_SRC),$(OUT)/libreftcp.a)

TEST_SRC = $(shell find tests/unit -name '*_test.c' 2>/dev/null)
TEST_BIN = $(TEST_SRC:tests/unit/%.c=$(OUT)/tests/%)
HARNESS_SRC = $(shell find tests/harness -name '*.c' 2>/dev/null)
HARNESS_OBJ = $(HARNESS_SRC:%.c=$(OBJ)/%.o)
BENCH_SRC = $(filter-out %.bpf.c,$(wildcard tools/bench/*.c))
BENCH_BIN = $(BENCH_SRC:tools/bench/%.c=$(OUT)/bench/%)
STACKS_SRC = $(wildcard tools/bench/stacks/*.c)

DRILL_SRC = $(wildcard tools/packetdrill/*.c)
DRILL_OBJ = $(DRILL_SRC:%.c=$(OBJ)/%.o)

.PHONY: all run test test-full unit e2e bench bench-costs bench-stacks fuzz check-rfc lint format clean help \
	install deps vmtest

all: $(OUT)/$(NAME) $(if $(REFTCP_SRC),$(REFTCP_LIBS)) \
	$(if $(DRILL_SRC),$(OUT)/reftcp-packetdrill.so) ## build everything

help: ## this list
	@echo "targets:"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' Makefile | column -t -s '|'
	@echo "variables: V=1 (show commands) SAN=1 (ASan, UBSan) CC=clang SECONDS=n (for run and fuzz)"
	@echo "           DESTDIR= PREFIX=$(PREFIX) (for install)"

# ---- packages ----------------------------------------------------------------------------------
# Installs only what is missing, and asks the network only then.
deps: $(BUILD)/.packages ## install missing packages

$(BUILD)/.packages: tools/install-packages Makefile
	@mkdir -p $(BUILD)
	$(Q)tools/install-packages $(PACKAGES)
	@touch $@

# ---- BPF ---------------------------------------------------------------------------------------
BPF_TARGET_ARCH = $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BPF_CFLAGS = -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_TARGET_ARCH) -g -O2 -Wall -Wextra -Werror \
	-Ibpf -Iinclude

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) BPF $<
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/bpf/tcpw.bpf.o: $(BPF_OBJ)
	$(say) BPFLD $@
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJ)

$(SKEL): $(BUILD)/bpf/tcpw.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name tcpw > $@.tmp && mv $@.tmp $@

# The counting programs are an object of their own: they run where no record is asked for.
$(BUILD)/bpf/count.bpf.o: bpf/count/count.bpf.c | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) BPF $<
	$(Q)$(CLANG) $(subst -mcpu=v2,-mcpu=v3,$(BPF_CFLAGS)) -MMD -MP -c $< -o $@

$(BUILD)/bpf/count.skel.h: $(BUILD)/bpf/count.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name count > $@.tmp && mv $@.tmp $@

# ---- user space --------------------------------------------------------------------------------
$(OBJ)/%.o: %.c | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS_ALL) -fPIC -MMD -MP -c $< -o $@

# The library shows its API only: everything that is not marked in include/reftcp is hidden.
$(OBJ)/user/reftcp/%.o: CFLAGS_ALL += -fvisibility=hidden
$(OBJ)/tests/%.o: CPPFLAGS += -Itests -Itests/harness
$(OBJ)/user/kernel/tracer.o: $(SKEL)
$(OBJ)/user/kernel/counter.o: $(BUILD)/bpf/count.skel.h
$(OBJ)/user/main.o: CPPFLAGS += -DTCPWITNESS_VERSION='"$(VERSION)"' -DTCPWITNESS_COMMIT='"$(COMMIT)"'
$(OBJ)/user/main.o: $(OBJ)/.commit

# Rewritten only when the commit changes, so that an unchanged tree rebuilds nothing.
$(OBJ)/.commit: FORCE
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' > $@
FORCE:

$(OUT)/libtcpwitness.a: $(USER_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/libreftcp.a: $(REFTCP_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

# What is installed: one object, by gcc optimised as a whole, whose only names are those of the API.
# The archive above, with everything in it, is for this tree and its tests.
REFTCP_LIB_OBJ = $(patsubst %.c,$(OBJ)/whole/%.o,$(filter-out user/reftcp/sim/%,$(REFTCP_SRC)))
# Its loops run over a few words; the long ones have vectors of their own.
REFTCP_LTO = $(if $(SANITIZE)$(findstring clang,$(CC)),,-O3 -fno-tree-vectorize -flto=auto)

$(OBJ)/whole/%.o: %.c | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -fPIC -fvisibility=hidden $(REFTCP_LTO) -MMD -MP -c $< -o $@

$(OUT)/lib/reftcp.o: $(REFTCP_LIB_OBJ)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(REFTCP_LTO) $(if $(REFTCP_LTO),-flinker-output=nolto-rel) -r -nostdlib $^ -o $@
	$(Q)objcopy --localize-hidden $@

$(OUT)/lib/libreftcp.a: $(OUT)/lib/reftcp.o
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/lib/libreftcp.so.$(REFTCP_VERSION): $(OUT)/lib/reftcp.o
	$(say) LD $@
	$(Q)$(CC) -shared -Wl,-soname,libreftcp.so.$(REFTCP_ABI) $(SANITIZE) $(LDFLAGS) -o $@ $^

# The linker takes the stack from the archive: the library stands for itself, also preloaded.
$(OBJ)/tools/packetdrill/%.o: CFLAGS_ALL += -fvisibility=hidden
$(OUT)/reftcp-packetdrill.so: $(DRILL_OBJ) $(OUT)/libreftcp.a
	$(say) LD $@
	$(Q)$(CC) -shared $(SANITIZE) -o $@ $^ -lpthread

$(OUT)/$(NAME): $(MAIN_OBJ) $(LIBS)
	$(say) LD $@
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# ---- tests -------------------------------------------------------------------------------------
$(OUT)/tests/%: tests/unit/%.c $(LIBS) $(HARNESS_OBJ) | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) -Itests -Itests/harness $(CFLAGS_ALL) -MMD -MP -MF $@.d $< $(HARNESS_OBJ) $(LIBS) \
		$(LDFLAGS) $(PKG_LIBS) $$(pkg-config --libs cmocka json-c) -lpthread -o $@

$(OUT)/tests/kernel/%: $(SKEL)
# Sees each allocation of the library.
$(OUT)/tests/reftcp/memory_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free

test: all $(TEST_BIN) $(OUT)/bench/churn ## build and run all tests
	$(Q)BUILD=$(BUILD) OUT=$(OUT) $(PYTHON) tests/run.py $(TEST_BIN)

test-full: all $(TEST_BIN) $(BENCH_BIN) ## the full forms of the tests
	$(Q)BUILD=$(BUILD) OUT=$(OUT) TCPWITNESS_FULL=1 $(PYTHON) tests/run.py $(TEST_BIN)

unit: all $(TEST_BIN) ## only the unit tests
	$(Q)BUILD=$(BUILD) OUT=$(OUT) $(PYTHON) tests/run.py --unit $(TEST_BIN)

$(OUT)/bench/%: tools/bench/%.c $(LIBS) | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS_ALL) -MMD -MP -MF $@.d $< $(LIBS) $(LDFLAGS) $(PKG_LIBS) \
		-lpthread -o $@

$(BUILD)/bench/empty.bpf.o: tools/bench/empty.bpf.c | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) BPF $<
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/bpf/empty.skel.h: $(BUILD)/bench/empty.bpf.o
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name empty > $@.tmp && mv $@.tmp $@

$(OUT)/bench/empty: $(BUILD)/bpf/empty.skel.h

$(BUILD)/.packages-bench: tools/install-packages Makefile
	@mkdir -p $(BUILD)
	$(Q)tools/install-packages $(PACKAGES_BENCH)
	@touch $@

# The reference stack beside lwIP, which only this needs.
$(OUT)/bench/stacks: $(STACKS_SRC) tools/bench/stacks/stacks.h $(OUT)/lib/libreftcp.a | \
		$(BUILD)/.packages-bench
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(CPPFLAGS) $$(pkg-config --cflags lwip) $(CFLAGS_ALL) $(STACKS_SRC) \
		$(OUT)/lib/libreftcp.a $(LDFLAGS) $$(pkg-config --libs lwip) -o $@

$(OUT)/difffuzz: tools/difffuzz/difffuzz.c $(LIBS) $(HARNESS_OBJ) | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) -Itests/harness $(CFLAGS_ALL) -MMD -MP -MF $@.d $< $(HARNESS_OBJ) \
		$(LIBS) $(LDFLAGS) $(PKG_LIBS) -o $@

bench: all $(BENCH_BIN) $(OUT)/bench/stacks ## speed, as ratios from interleaved runs
	$(Q)$(PYTHON) tools/bench/bench.py --build-dir $(BUILD) $(BENCH_ARGS)
	$(Q)$(PYTHON) tools/bench/costs.py --build-dir $(BUILD)
	$(Q)$(PYTHON) tools/bench/stacks.py --build-dir $(OUT)

bench-costs: all $(BENCH_BIN) ## what each BPF program and hook costs
	$(Q)$(PYTHON) tools/bench/costs.py --build-dir $(BUILD) $(BENCH_ARGS)

bench-stacks: all $(OUT)/bench/stacks ## the reference stack beside lwIP
	$(Q)$(PYTHON) tools/bench/stacks.py --build-dir $(OUT) $(BENCH_ARGS)

# Fuzzers of the reference stack; what they found is replayed by the unit tests. Bounded in time.
FUZZ_SRC = $(wildcard tests/fuzz/reftcp_*.c)
FUZZ_BIN = $(FUZZ_SRC:tests/fuzz/%.c=$(OUT)/fuzz/%)
FUZZ_WITH = $(REFTCP_SRC) $(addprefix tests/harness/reftcp/,fuzz.c invariant.c peer.c)

$(BUILD)/.packages-fuzz: tools/install-packages Makefile
	@mkdir -p $(BUILD)
	$(Q)tools/install-packages $(PACKAGES_FUZZ)
	@touch $@

$(OUT)/fuzz/%: tests/fuzz/%.c $(FUZZ_WITH) $(REFTCP_OBJ) | $(BUILD)/.packages-fuzz
	@mkdir -p $(@D)
	$(say) FUZZ $@
	$(Q)$(CLANG) $(CPPFLAGS) -Itests -Itests/harness -std=gnu11 -O1 -g -fno-omit-frame-pointer \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $< $(FUZZ_WITH) -o $@

fuzz: $(FUZZ_BIN) ## fuzz the reference stack, each entry for SECONDS=60
	$(Q)$(PYTHON) tools/fuzz --build-dir $(OUT)/fuzz $(if $(SECONDS),--seconds $(SECONDS))

vmtest: all ## boot Debian's kernels and ask each what is owed there (VMTEST="-v 6.1")
	$(Q)tools/install-packages $(PACKAGES) $(PACKAGES_VM)
	$(Q)BUILD=$(BUILD) TCPWITNESS=$(OUT)/$(NAME) $(PYTHON) tests/vm/vmtest.py $(VMTEST)

# ---- for people --------------------------------------------------------------------------------
run: all ## trace this machine (SECONDS=n: for n seconds), with a few sample connections
	$(Q)tools/run $(OUT)/$(NAME) $(SECONDS)

check-rfc: ## the ledgers of the RFCs against the tests
	$(Q)$(PYTHON) tests/rfc/check

lint: ## layering, names and style
	$(Q)$(PYTHON) tools/lint.py

format: ## clang-format on everything
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

install: all ## install under DESTDIR/PREFIX
	install -D -m 755 $(OUT)/$(NAME) $(DESTDIR)$(PREFIX)/sbin/$(NAME)
	install -d $(DESTDIR)$(SHARE)/man/man8 $(DESTDIR)$(SHARE)/bash-completion/completions \
		$(DESTDIR)$(SHARE)/zsh/site-functions $(DESTDIR)$(SHARE)/fish/vendor_completions.d
	$(OUT)/$(NAME) help --man > $(DESTDIR)$(SHARE)/man/man8/$(NAME).8
	$(OUT)/$(NAME) help --completion bash > $(DESTDIR)$(SHARE)/bash-completion/completions/$(NAME)
	$(OUT)/$(NAME) help --completion zsh > $(DESTDIR)$(SHARE)/zsh/site-functions/_$(NAME)
	$(OUT)/$(NAME) help --completion fish > $(DESTDIR)$(SHARE)/fish/vendor_completions.d/$(NAME).fish
ifneq ($(REFTCP_SRC),)
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/reftcp
	install -m 644 $(OUT)/lib/libreftcp.a $(DESTDIR)$(PREFIX)/lib/libreftcp.a
	install -m 755 $(OUT)/lib/libreftcp.so.$(REFTCP_VERSION) $(DESTDIR)$(PREFIX)/lib/
	ln -sf libreftcp.so.$(REFTCP_VERSION) $(DESTDIR)$(PREFIX)/lib/libreftcp.so.$(REFTCP_ABI)
	ln -sf libreftcp.so.$(REFTCP_ABI) $(DESTDIR)$(PREFIX)/lib/libreftcp.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(REFTCP_VERSION)|' tools/reftcp.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/reftcp.pc
	install -m 644 include/reftcp/*.h $(DESTDIR)$(PREFIX)/include/reftcp/
endif

clean: ## remove build/
	rm -rf $(BUILD)

.SECONDARY:
-include $(BPF_OBJ:.o=.d) $(BUILD)/bpf/count.bpf.d $(wildcard $(BUILD)/bench/*.d) $(USER_OBJ:.o=.d) $(REFTCP_OBJ:.o=.d) $(MAIN_OBJ:.o=.d) \
	$(REFTCP_LIB_OBJ:.o=.d) $(DRILL_OBJ:.o=.d) \
	$(HARNESS_OBJ:.o=.d) $(TEST_BIN:=.d) $(BENCH_BIN:=.d) $(OUT)/difffuzz.d
