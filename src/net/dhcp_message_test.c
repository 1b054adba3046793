/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/dhcp_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t mac[6] = { 2, 0x42, 1, 2, 3, 4 };

/* What a server says: head and options, without the end. */
static size_t answer(uint8_t out[DHCP_MESSAGE_MAX], const uint8_t *options, size_t length)
{
	static const uint8_t cookie[] = { 99, 130, 83, 99 };

	memset(out, 0, DHCP_MESSAGE_MAX);
	out[0] = 2;
	out[1] = 1;
	out[2] = 6;
	memcpy(out + 4, "\x11\x22\x33\x44", 4);
	memcpy(out + 16, "\x0a\x32\x00\x64", 4); /* 10.50.0.100 */
	memcpy(out + 28, mac, sizeof(mac));
	memcpy(out + 236, cookie, sizeof(cookie));
	memcpy(out + 240, options, length);
	return 240 + length;
}

static const uint8_t ack[] = { 53, 1,	5,  54, 4,   10,  50,  0, 11, 51, 4,  0,  0,
			       0,  120, 1,  4,	255, 255, 255, 0, 3,  8,  10, 50, 0,
			       11, 10,	50, 0,	12,  58,  4,   0, 0,  0,  60, 255 };

static void an_answer_is_read(void **state)
{
	uint8_t data[DHCP_MESSAGE_MAX];
	struct dhcp_message m;
	char text[ADDRESS_TEXT];

	(void)state;
	assert_int_equal(dhcp_message_read(data, answer(data, ack, sizeof(ack)), &m), 0);
	assert_int_equal(m.type, DHCP_ACK);
	assert_int_equal(m.xid, 0x11223344);
	assert_memory_equal(m.mac, mac, 6);
	assert_string_equal(address_text(&m.yours, text), "10.50.0.100");
	assert_string_equal(address_text(&m.server, text), "10.50.0.11");
	assert_string_equal(address_text(&m.router, text), "10.50.0.11");
	assert_int_equal(m.prefix, 24);
	assert_int_equal(m.lease, 120);
	assert_int_equal(m.renew, 60);
	assert_int_equal(m.rebind, 0);
}

static void an_answer_that_is_cut_or_makes_no_sense_is_refused(void **state)
{
	static const uint8_t nobody[] = { 53, 1, 5, 51, 4, 0, 0, 0, 120, 255 },
			     no_time[] = { 53, 1, 5, 54, 4, 10, 50, 0, 11, 255 },
			     question[] = { 53, 1, 1, 54, 4, 10, 50, 0, 11, 51, 4, 0, 0, 0, 9 };
	uint8_t data[DHCP_MESSAGE_MAX];
	struct dhcp_message m = { .xid = 7 };
	size_t length = answer(data, ack, sizeof(ack));

	(void)state;
	for (size_t i = 0; i < 250; i++) /* until the server's address is whole, it is none */
		assert_int_equal(dhcp_message_read(data, i, &m), -EBADMSG);
	data[16] = 127;
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
	data[16] = 224;
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
	(void)answer(data, ack, sizeof(ack));
	data[0] = 1; /* a client's */
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
	(void)answer(data, ack, sizeof(ack));
	data[236]++;
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
	length = answer(data, nobody, sizeof(nobody));
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
	length = answer(data, no_time, sizeof(no_time));
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
	length = answer(data, question, sizeof(question));
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
	assert_int_equal(m.xid, 7);
}

static void options_go_on_in_the_fields_of_booting(void **state)
{
	static const uint8_t overload[] = { 52, 1, 3, 53, 1, 6, 255 };
	uint8_t data[DHCP_MESSAGE_MAX];
	size_t length = answer(data, overload, sizeof(overload));
	struct dhcp_message m;

	(void)state;
	memcpy(data + 44, "\x36\x04\x0a\x32\x00\x0b\xff", 7);
	memcpy(data + 108, "\x34\x01\x03\x01\x04\xff\x00\xff\x00\xff", 10);
	assert_int_equal(dhcp_message_read(data, length, &m), 0);
	assert_int_equal(m.type, DHCP_NAK);
	assert_int_equal(m.server.bytes[3], 11);
	assert_int_equal(m.prefix, 0); /* 255.0.255.0 is no mask */
	data[45] = 200;		       /* longer than the field */
	assert_int_equal(dhcp_message_read(data, length, &m), -EBADMSG);
}

static void a_question_says_who_asks_and_wants_a_broadcast(void **state)
{
	struct dhcp_message m = { .type = DHCP_DISCOVER, .xid = 5, .hostname = "web" };
	uint8_t out[DHCP_MESSAGE_MAX];
	size_t length;

	(void)state;
	memcpy(m.mac, mac, sizeof(mac));
	length = dhcp_message_write(&m, out);
	assert_true(length >= 300);
	assert_int_equal(out[10], 0x80);
	assert_memory_equal(out + 28, mac, 6);
	assert_memory_equal(out + 240, "\x35\x01\x01\x3d\x07\x01\x02\x42\x01\x02\x03\x04", 12);
	assert_non_null(memmem(out, length, "\x0c\x03web", 5));
	m.type = DHCP_RELEASE;
	(void)address_parse("10.50.0.100", &m.client);
	(void)dhcp_message_write(&m, out);
	assert_int_equal(out[10], 0);
	assert_memory_equal(out + 12, "\x0a\x32\x00\x64", 4);
	/* nothing of ours is taken for an answer */
	assert_int_equal(dhcp_message_read(out, length, &m), -EBADMSG);
}

static void a_frame_is_checked_to_the_last_byte(void **state)
{
	struct dhcp_ends ends = { .to_mac = { 255, 255, 255, 255, 255, 255 } }, got;
	uint8_t frame[DHCP_FRAME_MAX], data[DHCP_MESSAGE_MAX];
	const uint8_t *payload;
	size_t length, size;

	(void)state;
	memcpy(ends.from_mac, mac, 6);
	length = dhcp_frame_write(&ends, data, answer(data, ack, sizeof(ack)), frame);
	/* ours go to the server's port */
	assert_int_equal(dhcp_frame_read(frame, length, true, &payload, &size, &got), -EBADMSG);
	frame[35] = 67;
	frame[37] = 68;
	assert_int_equal(dhcp_frame_read(frame, length, true, &payload, &size, &got), 0);
	assert_int_equal(size, 240 + sizeof(ack));
	assert_memory_equal(payload, data, size);
	assert_memory_equal(got.from_mac, mac, 6);
	assert_int_equal(dhcp_frame_read(frame, length - 1, true, &payload, &size, &got), -EBADMSG);
	frame[length - 2]++;
	assert_int_equal(dhcp_frame_read(frame, length, true, &payload, &size, &got), -EBADMSG);
	assert_int_equal(dhcp_frame_read(frame, length, false, &payload, &size, &got), 0);
	frame[14] = 0x4f; /* a header of 60 bytes */
	assert_int_equal(dhcp_frame_read(frame, length, false, &payload, &size, &got), -EBADMSG);
	frame[14] = 0x45;
	frame[20] = 0x20; /* a fragment; the header's sum is made right again */
	frame[24] = (uint8_t)(frame[24] - 0x20);
	assert_int_equal(dhcp_frame_read(frame, length, false, &payload, &size, &got), -EBADMSG);
	for (size_t i = 0; i < 42; i++)
		assert_int_equal(dhcp_frame_read(frame, i, false, &payload, &size, &got), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_read),
		cmocka_unit_test(an_answer_that_is_cut_or_makes_no_sense_is_refused),
		cmocka_unit_test(options_go_on_in_the_fields_of_booting),
		cmocka_unit_test(a_question_says_who_asks_and_wants_a_broadcast),
		cmocka_unit_test(a_frame_is_checked_to_the_last_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
