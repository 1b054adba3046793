/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "engine/engine.h"

/* Quiet words from the garden, where a cloche stands. */
static const char *const qualities[] = {
	"amber",  "autumn",   "bright",	 "calm",   "clear",  "cosy",	"crisp",  "dewy",
	"early",  "fair",     "fresh",	 "gentle", "glad",   "golden",	"green",  "hardy",
	"honest", "jolly",    "keen",	 "kind",   "light",  "lively",	"lucky",  "mellow",
	"merry",  "mild",     "misty",	 "neat",   "noble",  "patient", "plain",  "proud",
	"quick",  "quiet",    "rosy",	 "round",  "shady",  "silver",	"sleepy", "snug",
	"soft",	  "spry",     "steady",	 "still",  "summer", "sunny",	"swift",  "tender",
	"tidy",	  "tranquil", "upright", "vivid",  "warm",   "wild",	"winter", "young",
};
static const char *const plants[] = {
	"acorn",   "alder",  "apple", "ash",	"aster", "basil",   "beech",  "birch",
	"bramble", "briar",  "cedar", "cherry", "chive", "clover",  "cress",  "daisy",
	"dill",	   "elder",  "elm",   "fennel", "fern",	 "fig",	    "flax",   "hazel",
	"heather", "holly",  "hop",   "iris",	"ivy",	 "juniper", "larch",  "laurel",
	"leek",	   "lilac",  "lily",  "linden", "maple", "mint",    "moss",   "myrtle",
	"oak",	   "olive",  "pansy", "pea",	"peach", "pear",    "pine",   "plum",
	"poppy",   "quince", "reed",  "rowan",	"rue",	 "rye",	    "sage",   "sorrel",
	"spruce",  "thyme",  "tulip", "vetch",	"vine",	 "violet",  "willow", "yarrow",
};

void id_make(char id[65])
{
	do
		engine_random_hex(id, 64);
	while (strspn(id, "0123456789") >= ID_SHORT);
}

bool name_valid(const char *name)
{
	if (!isalnum((unsigned char)name[0]) || !name[1] || strlen(name) > 128)
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return true;
}

char *name_make(unsigned int try)
{
	unsigned int n[3];

	if (getrandom(n, sizeof(n), 0) != (ssize_t)sizeof(n))
		abort();
	if (try < 3)
		return str_printf("%s_%s", qualities[n[0] % ARRAY_SIZE(qualities)],
				  plants[n[1] % ARRAY_SIZE(plants)]);
	return str_printf("%s_%s%u", qualities[n[0] % ARRAY_SIZE(qualities)],
			  plants[n[1] % ARRAY_SIZE(plants)], n[2] % 100000);
}
