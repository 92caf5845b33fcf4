#ifndef HAKIRI_VERSIONS_H
#define HAKIRI_VERSIONS_H

#include "payload.h"

/**
 * Marks the folder as used for as long as this process, what it becomes, or any of its children lives. False when the
 * folder was removed meanwhile.
 */
int use_version(const char *folder);

/** Removes older versions of the profile but the one used last, and none that is in use. The caller holds the lock. */
void remove_old_versions(const struct payload *payload, const char *cache);

#endif
