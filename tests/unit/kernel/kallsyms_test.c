// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include "kernel/kallsyms.h"

/* What a look-up in a file of these lines returns; *address begins as 7. */
static int lookup(const char *lines, const char *symbol, uint64_t *address)
{
	char path[] = "/tmp/kallsyms_test.XXXXXX";
	const int fd = mkstemp(path);
	int err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
	close(fd);
	*address = 7;
	err = kallsyms_lookup(path, symbol, address);
	assert_int_equal(unlink(path), 0);
	return err;
}

static const char lines[] = "ffffffff81000000 T _stext\n"
			    "ffffffff81b2c3d0 t tw_timer_handler\n"
			    "ffffffff81b2c3f0 t tw_timer_handler.cold\n"
			    "ffffffff81b2c400 t other_tw_timer_handler\n"
			    "ffffffffc0001000 t in_module\t[tcp_bbr]\n"
			    "ffffffff81c00000 t twice\n"
			    "ffffffff81c00010 t twice\n"
			    "ffffffff81d00000 t alias\n"
			    "ffffffff81d00000 W alias\n"
			    "ffffffff82000000 D last";

static void kallsyms_lookup__present__is_its_address(void **state)
{
	uint64_t address;

	(void)state;
	assert_int_equal(lookup(lines, "tw_timer_handler", &address), 0);
	assert_true(address == 0xffffffff81b2c3d0);
	assert_int_equal(lookup(lines, "_stext", &address), 0);
	assert_true(address == 0xffffffff81000000);
	assert_int_equal(lookup(lines, "last", &address), 0);
	assert_true(address == 0xffffffff82000000);
	assert_int_equal(lookup(lines, "in_module", &address), 0);
	assert_true(address == 0xffffffffc0001000);
}

static void kallsyms_lookup__absent__is_ENOENT(void **state)
{
	static const char *const absent[] = {"reqsk_timer_handler", "tw_timer", "timer_handler",
					     "tw_timer_handler.",   "T",        "tcp_bbr"};
	uint64_t address;

	(void)state;
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		assert_int_equal(lookup(lines, absent[i], &address), -ENOENT);
		assert_int_equal(address, 7);
	}
	assert_int_equal(lookup("", "x", &address), -ENOENT);
}

static void kallsyms_lookup__address_hidden__is_EPERM(void **state)
{
	uint64_t address;

	(void)state;
	assert_int_equal(lookup("0000000000000000 t x\n0000000000000000 t y\n", "y", &address),
			 -EPERM);
	assert_int_equal(address, 7);
}

static void kallsyms_lookup__twice__matters_when_they_differ(void **state)
{
	uint64_t address;

	(void)state;
	assert_int_equal(lookup(lines, "twice", &address), -ENOTUNIQ);
	assert_int_equal(address, 7);
	assert_int_equal(lookup(lines, "alias", &address), 0);
	assert_true(address == 0xffffffff81d00000);
}

static void kallsyms_lookup__malformed_lines__are_passed_over(void **state)
{
	uint64_t address;

	(void)state;
	assert_int_equal(
		lookup("\nx\nzz t x\nffff\nffff t\nffff tt x\n t x\n10 t x\n", "x", &address), 0);
	assert_int_equal(address, 0x10);
}

static void kallsyms_lookup__no_file__is_its_errno(void **state)
{
	uint64_t address = 7;

	(void)state;
	assert_int_equal(kallsyms_lookup("/nowhere", "x", &address), -ENOENT);
	assert_int_equal(kallsyms_lookup("/tmp", "x", &address), -EIO);
	assert_int_equal(address, 7);
}

static void kallsyms_lookup__of_this_kernel__is_found(void **state)
{
	uint64_t address = 0;

	(void)state;
	skip_unless_root();
	assert_int_equal(kallsyms_lookup("/proc/kallsyms", "tw_timer_handler", &address), 0);
	assert_int_not_equal(address, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kallsyms_lookup__present__is_its_address),
		cmocka_unit_test(kallsyms_lookup__absent__is_ENOENT),
		cmocka_unit_test(kallsyms_lookup__address_hidden__is_EPERM),
		cmocka_unit_test(kallsyms_lookup__twice__matters_when_they_differ),
		cmocka_unit_test(kallsyms_lookup__malformed_lines__are_passed_over),
		cmocka_unit_test(kallsyms_lookup__no_file__is_its_errno),
		cmocka_unit_test(kallsyms_lookup__of_this_kernel__is_found),
	};

	return cmocka_run_group_tests_name("kallsyms", tests, NULL, NULL);
}
