#ifndef HAKIRI_CACHE_H
#define HAKIRI_CACHE_H

/**
 * The folder for all unpacked versions, absolute, made if it is missing: only its owner, this user, may enter it, and
 * programs may be run from it. In the user's cache, or in the temporary folder where there is no home that can be
 * written. Fails when neither will do.
 */
void choose_cache(char *path, unsigned long size);

#endif
