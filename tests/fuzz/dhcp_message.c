/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the LAN sends to a client of DHCP: the frame, and the message in it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/dhcp_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *payload = data;
	size_t length = size;
	struct dhcp_ends ends;
	struct dhcp_message message;

	/* the first byte says whether it is a frame or the message alone */
	if (size == 0)
		return 0;
	payload++;
	length--;
	if ((data[0] & 1) &&
	    dhcp_frame_read(payload, length, data[0] & 2, &payload, &length, &ends) < 0)
		return 0;
	if (payload < data || payload + length > data + size)
		abort();
	if (dhcp_message_read(payload, length, &message) < 0)
		return 0;
	if (!message.server.family || message.prefix > 32 ||
	    (message.type == DHCP_ACK && (!message.yours.family || message.lease == 0)))
		abort();
	return 0;
}
