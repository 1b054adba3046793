/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/tty.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

static struct termios saved; /* for the function that runs at exit */
static bool is_raw;

void tty_restore(void)
{
	if (is_raw)
		(void)tcsetattr(0, TCSADRAIN, &saved);
	is_raw = false;
}

int tty_raw(struct err *err)
{
	struct termios raw;

	if (tcgetattr(0, &saved) < 0)
		return err_sys(err, errno, "read the settings of the terminal");
	raw = saved;
	cfmakeraw(&raw);
	raw.c_oflag = saved.c_oflag & ~(tcflag_t)OPOST;
	(void)atexit(tty_restore);
	is_raw = true;
	if (tcsetattr(0, TCSADRAIN, &raw) < 0) {
		is_raw = false;
		return err_sys(err, errno, "change the settings of the terminal");
	}
	return 0;
}

bool tty_size(unsigned short *ret_rows, unsigned short *ret_columns)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) < 0 && ioctl(1, TIOCGWINSZ, &size) < 0)
		return false;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return true;
}

int detach_keys_parse(const char *text, unsigned char keys[16], struct err *err)
{
	_cleanup_strv_ char **words = strv_split(text, ',');
	int count = 0;

	for (size_t i = 0; words[i]; i++) {
		const char *word = words[i];
		int key;

		if (strlen(word) == 1)
			key = (unsigned char)word[0];
		else if (str_prefix(word, "ctrl-") && strlen(word) == 6 && word[5] >= 'a' &&
			 word[5] <= 'z')
			key = word[5] - 'a' + 1;
		else if (str_prefix(word, "ctrl-") && strlen(word) == 6 &&
			 strchr("@[\\]^_", word[5]))
			key = word[5] == '@' ? 0 : word[5] - '[' + 27;
		else
			return err_set(err, EINVAL,
				       "invalid detach keys (%s): Unknown character: '%s'", text,
				       word);
		if (count == 16)
			return err_set(err, EINVAL, "invalid detach keys (%s): too many", text);
		keys[count++] = (unsigned char)key;
	}
	return count;
}

int detach_keys_check(const char *text, struct err *err)
{
	unsigned char keys[16];
	int r = detach_keys_parse(text, keys, err);

	return r < 0 ? r : 0;
}

bool detach_filter(struct detach *detach, const char *data, size_t length, char *out,
		   size_t *ret_length)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		if (detach->count > 0 && (unsigned char)data[i] == detach->keys[detach->matched]) {
			if (++detach->matched == detach->count) {
				*ret_length = n;
				return true;
			}
			continue;
		}
		/* a beginning that did not go on was typed for the container */
		for (int k = 0; k < detach->matched; k++)
			out[n++] = (char)detach->keys[k];
		detach->matched = detach->count > 0 && (unsigned char)data[i] == detach->keys[0];
		if (!detach->matched)
			out[n++] = data[i];
	}
	*ret_length = n;
	return false;
}
