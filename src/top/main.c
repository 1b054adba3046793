/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-top: every container of every engine on one screen, what each takes, and what to do about it. A program of its own, since nothing else
 * needs a library for the screen; `cloche top` without a name becomes it:
 *	cloche-top CLOCHE		the path of cloche, which lists processes and sockets, reads logs, kills, stops and restarts
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "host/owner.h"
#include "top/rows.h"

enum { INTERVAL_MS = 2000, TEXT_LIMIT = 4 << 20, ESCAPE = 27 };

enum page { PAGE_LIST, PAGE_PROCESSES, PAGE_SOCKETS, PAGE_LOGS, PAGE_HELP };

struct screen {
	const char *self; /* cloche */
	struct engine *engine;
	struct top_rows rows;
	enum top_sort sort;
	enum page page;
	int chosen, first; /* of the list */
	int line;	   /* the first that is shown of a text */
	char **text;	   /* of a page that is one */
	char key[TOP_KEY]; /* of the container that the page is about */
	char filter[64];
	char said[256]; /* the last line of what an action said */
	bool over;
};

static const char *const titles[] = { "", "processes", "sockets", "log", "help" };

/* -- other programs --------------------------------------------------------------------------- */

/* What one prints, both streams together. */
static char *program_output(char *const *argv)
{
	struct buf out = BUF_EMPTY;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return str_dup("");
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		(void)dup2(null, STDIN_FILENO);
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)dup2(ends[1], STDERR_FILENO);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	fd_close(ends[1]);
	if (pid > 0)
		(void)fd_read_all(ends[0], TEXT_LIMIT, &out);
	fd_close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return out.data ? out.data : str_dup("");
}

/* The program that an engine's containers are told by; NULL: none of ours. */
static const char *teller(const struct screen *s, const struct top_row *row)
{
	return strcmp(row->engine, "cloche") == 0 ? s->self :
	       strcmp(row->engine, "docker") == 0 ? "docker" :
	       strcmp(row->engine, "podman") == 0 ? "podman" :
						    NULL;
}

static void tell_it(struct screen *s, const struct top_row *row, const char *verb)
{
	const char *program = teller(s, row);
	char *argv[] = { (char *)program, (char *)verb, (char *)row->id, NULL };
	_cleanup_free_ char *out = NULL;
	char *end;

	if (!program) {
		(void)snprintf(s->said, sizeof(s->said),
			       "a container of %s cannot be told to %s here", row->engine, verb);
		return;
	}
	out = program_output(argv);
	end = out + strlen(out);
	while (end > out && end[-1] == '\n')
		*--end = '\0';
	end = strrchr(out, '\n');
	(void)snprintf(s->said, sizeof(s->said), "%s %s: ", verb, row->name);
	str_escape(s->said + strlen(s->said), sizeof(s->said) - strlen(s->said),
		   end ? end + 1 : out, strlen(end ? end + 1 : out));
}

/* -- what is shown ---------------------------------------------------------------------------- */

static const struct top_row *row_chosen(const struct screen *s)
{
	return s->chosen < (int)s->rows.count ? &s->rows.list[s->chosen] : NULL;
}

static const struct top_row *row_of_page(const struct screen *s)
{
	for (size_t i = 0; i < s->rows.count; i++)
		if (strcmp(s->rows.list[i].key, s->key) == 0)
			return &s->rows.list[i];
	return NULL;
}

static void text_set(struct screen *s, const char *text)
{
	strv_clear(s->text);
	s->text = strv_split(text, '\n');
}

static void help_text(struct screen *s)
{
	text_set(s, "arrows, PgUp, PgDn   move\n"
		    "Enter                processes of the container\n"
		    "s                    its sockets\n"
		    "l                    its log\n"
		    "k  t  r              kill, stop, restart it, after a question\n"
		    "< >  F6              sort by another column\n"
		    "/                    only lines with a text; empty: all again\n"
		    "q  Esc               back, and out");
}

static void page_read(struct screen *s)
{
	const struct top_row *row = row_of_page(s);
	_cleanup_free_ char *out = NULL;
	const char *program = row ? teller(s, row) : NULL;

	if (s->page == PAGE_LIST || s->page == PAGE_HELP)
		return;
	if (!row) {
		text_set(s, "it has ended");
		return;
	}
	if (s->page == PAGE_LOGS && !program) {
		text_set(s, "its engine's log cannot be read here");
		return;
	}
	if (s->page == PAGE_LOGS) {
		out = program_output((char *[]){ (char *)program, (char *)"logs", (char *)"--tail",
						 (char *)"1000", (char *)row->id, NULL });
	} else {
		bool processes = s->page == PAGE_PROCESSES;

		out = program_output((char *[]){
			(char *)s->self, (char *)(processes ? "procs" : "sockets"),
			(char *)"--container", (char *)row->name, (char *)(processes ? "-o" : "-p"),
			(char *)(processes ? "iuser,user,pid,c,rss,tty,time,cmd" : NULL), NULL });
	}
	text_set(s, out);
	if (s->page == PAGE_LOGS) /* the end is what one looks for */
		s->line = (int)strv_length(s->text) - (LINES - 3);
}

static void refresh_data(struct screen *s)
{
	struct err why = ERR_NONE;
	const struct top_row *row = row_chosen(s);
	char key[TOP_KEY] = "";

	if (row)
		(void)str_append(key, sizeof(key), row->key);
	if (top_rows_read(&s->rows, s->engine, &why) < 0) {
		s->said[0] = '\0';
		(void)str_append(s->said, sizeof(s->said), why.words);
	}
	top_rows_sort(&s->rows, s->sort, s->filter);
	for (size_t i = 0; i < s->rows.count; i++) /* the choice stays with its container */
		if (strcmp(s->rows.list[i].key, key) == 0)
			s->chosen = (int)i;
	page_read(s);
}

/* -- drawing ---------------------------------------------------------------------------------- */

static void put_cut(int y, int x, int width, const char *text)
{
	char shown[1024] = "";

	if (width <= 0 || y >= LINES)
		return;
	str_escape(shown, sizeof(shown), text, strlen(text));
	(void)mvaddnstr(y, x, shown, width);
}

static void bytes_text(char *out, size_t size, uint64_t kb)
{
	if (kb == 0)
		(void)snprintf(out, size, "-");
	else if (kb < 10240)
		(void)snprintf(out, size, "%lluK", (unsigned long long)kb);
	else if (kb < 10240 * 1024)
		(void)snprintf(out, size, "%.1fM", (double)kb / 1024);
	else
		(void)snprintf(out, size, "%.1fG", (double)kb / 1048576);
}

static void list_draw(struct screen *s)
{
	int room = LINES - 4;

	if (s->chosen >= (int)s->rows.count)
		s->chosen = s->rows.count ? (int)s->rows.count - 1 : 0;
	if (s->chosen < s->first)
		s->first = s->chosen;
	if (s->chosen >= s->first + room)
		s->first = s->chosen - room + 1;
	(void)attron(A_REVERSE);
	(void)mvprintw(2, 0, "%-*s", COLS, "");
	(void)mvprintw(2, 0, "%-11s %-24s %7s %8s %8s %8s %6s  %s", "ENGINE", "NAME", "CPU%",
		       "MEMORY", "LIMIT", "SWAP", "PROCS", "IMAGE");
	(void)attroff(A_REVERSE);
	for (int i = 0; i < room && s->first + i < (int)s->rows.count; i++) {
		const struct top_row *row = &s->rows.list[s->first + i];
		char memory[24], limit[24], swap[24];
		int y = 3 + i;

		bytes_text(memory, sizeof(memory), row->memory_kb);
		bytes_text(limit, sizeof(limit), row->limit_kb);
		bytes_text(swap, sizeof(swap), row->swap_kb);
		if (s->first + i == s->chosen)
			(void)attron(A_BOLD | A_UNDERLINE);
		(void)mvprintw(y, 0, "%-*s", COLS, "");
		put_cut(y, 0, 11, row->engine);
		put_cut(y, 12, 24, row->name);
		(void)mvprintw(y, 37, "%7.1f %8s %8s %8s %6zu", row->cpu_percent, memory, limit,
			       swap, row->processes);
		put_cut(y, 78, COLS - 78, row->image);
		(void)attroff(A_BOLD | A_UNDERLINE);
	}
}

static void text_draw(struct screen *s)
{
	int count = (int)strv_length(s->text), room = LINES - 3;

	if (s->line > count - room)
		s->line = count - room;
	if (s->line < 0)
		s->line = 0;
	for (int i = 0; i < room && s->line + i < count; i++)
		put_cut(2 + i, 0, COLS, s->text[s->line + i]);
}

static void draw(struct screen *s)
{
	const struct top_row *row = row_of_page(s);
	char clock[16] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	(void)erase();
	if (s->page == PAGE_LIST)
		(void)mvprintw(0, 0, "cloche top  %s  %zu containers  sorted by %s%s%s", clock,
			       s->rows.containers, top_sort_word(s->sort),
			       *s->filter ? "  only " : "", s->filter);
	else
		(void)mvprintw(0, 0, "%s of %s  %s", titles[s->page],
			       s->page == PAGE_HELP ? "keys" :
			       row		    ? row->name :
						      "a container that is gone",
			       clock);
	if (s->page == PAGE_LIST)
		list_draw(s);
	else
		text_draw(s);
	(void)attron(A_DIM);
	put_cut(LINES - 1, 0, COLS,
		*s->said ? s->said :
			   "Enter processes  s sockets  l log  k kill  t stop  r restart  "
			   "<> sort  / filter  h help  q out");
	(void)attroff(A_DIM);
	(void)refresh();
}

/* -- keys ------------------------------------------------------------------------------------- */

static bool asked(const char *verb, const char *name)
{
	int key;

	(void)move(LINES - 1, 0);
	(void)clrtoeol();
	(void)attron(A_REVERSE);
	(void)printw("%s %s? y or n", verb, name);
	(void)attroff(A_REVERSE);
	(void)refresh();
	do
		key = getch();
	while (key == ERR || key == KEY_RESIZE);
	return key == 'y' || key == 'Y';
}

static void act(struct screen *s, const char *verb)
{
	const struct top_row *row = s->page == PAGE_LIST ? row_chosen(s) : row_of_page(s);

	if (!row || row->host)
		(void)snprintf(s->said, sizeof(s->said), "%s is for containers", verb);
	else if (asked(verb, row->name))
		tell_it(s, row, verb);
	refresh_data(s);
}

static void filter_ask(struct screen *s)
{
	(void)move(LINES - 1, 0);
	(void)clrtoeol();
	(void)addstr("only with: ");
	(void)echo();
	(void)curs_set(1);
	timeout(-1);
	if (getnstr(s->filter, sizeof(s->filter) - 1) == ERR)
		s->filter[0] = '\0';
	timeout(INTERVAL_MS);
	(void)curs_set(0);
	(void)noecho();
	refresh_data(s);
}

static void page_go(struct screen *s, enum page page)
{
	const struct top_row *row = row_chosen(s);

	if (page != PAGE_HELP && s->page == PAGE_LIST) {
		if (!row)
			return;
		s->key[0] = '\0';
		(void)str_append(s->key, sizeof(s->key), row->key);
	}
	s->page = page;
	s->line = 0;
	if (page == PAGE_HELP)
		help_text(s);
	page_read(s);
}

static void move_by(struct screen *s, int lines)
{
	int *at = s->page == PAGE_LIST ? &s->chosen : &s->line;

	*at += lines;
	if (*at < 0)
		*at = 0;
}

static void key_take(struct screen *s, int key)
{
	s->said[0] = '\0';
	switch (key) {
	case KEY_UP:
		move_by(s, -1);
		break;
	case KEY_DOWN:
		move_by(s, 1);
		break;
	case KEY_PPAGE:
		move_by(s, -(LINES - 4));
		break;
	case KEY_NPAGE:
		move_by(s, LINES - 4);
		break;
	case '\n':
	case KEY_ENTER:
		page_go(s, PAGE_PROCESSES);
		break;
	case 's':
		page_go(s, PAGE_SOCKETS);
		break;
	case 'l':
		page_go(s, PAGE_LOGS);
		break;
	case 'h':
	case '?':
		page_go(s, PAGE_HELP);
		break;
	case 'k':
		act(s, "kill");
		break;
	case 't':
		act(s, "stop");
		break;
	case 'r':
		act(s, "restart");
		break;
	case '<':
	case '>':
	case KEY_F(6):
		s->sort = top_sort_next(s->sort, key == '<' ? -1 : 1);
		top_rows_sort(&s->rows, s->sort, s->filter);
		break;
	case '/':
		filter_ask(s);
		break;
	case 'q':
	case ESCAPE:
		if (s->page == PAGE_LIST)
			s->over = true;
		s->page = PAGE_LIST;
		break;
	case ERR: /* nothing was typed in the interval */
		refresh_data(s);
		break;
	default:
		break;
	}
}

static int screen_run(struct screen *s, struct err *err)
{
	(void)setlocale(LC_ALL, "");
	if (!newterm(NULL, stdout, stdin))
		return err_set(err, ENOTTY, "top: the terminal \"%s\" is not known",
			       getenv("TERM") ? getenv("TERM") : "");
	(void)cbreak();
	(void)noecho();
	(void)keypad(stdscr, TRUE);
	(void)set_escdelay(50);
	(void)curs_set(0);
	timeout(INTERVAL_MS);
	refresh_data(s);
	while (!s->over) {
		draw(s);
		key_take(s, getch());
	}
	(void)endwin();
	return 0;
}

int main(int argc, char **argv)
{
	struct screen s = { .self = argc > 1 ? argv[1] : "cloche" };
	struct settings settings;
	struct err err = ERR_NONE;
	int r = settings_read(&settings, &err);

	if (r == 0 && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
		err_set(&err, ENOTTY, "top of all containers needs a terminal");
		r = err_hint(&err, "try: cloche stats, or cloche procs --containers");
	}
	if (r == 0)
		r = engine_open(&s.engine, &settings, &err);
	if (r == 0)
		r = screen_run(&s, &err);
	top_rows_clear(&s.rows);
	strv_clear(s.text);
	engine_close(s.engine);
	settings_clear(&settings); /* empty when the engine took them */
	return r < 0 ? err_print(&err, "cloche", 1) : 0;
}
