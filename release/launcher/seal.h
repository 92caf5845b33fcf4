#ifndef HAKIRI_SEAL_H
#define HAKIRI_SEAL_H

#include "payload.h"

/**
 * A seal says when each file of an unpacked folder changed last, by the clock of the file system, which nobody can set
 * back for a file. While it holds, files are what was unpacked, and need not be read to know that.
 */

/** Seals an open folder whose files are right. It need not be forced to the disk: without it they are read once more. */
void seal(const struct payload *payload, int folder);

/** Whether every file of the payload lies there, with its size and permissions, and none changed since it was sealed. */
int is_sealed(const struct payload *payload, const char *path);

/**
 * For a folder that was copied, restored or touched, or that someone wrote into: reads what changed, and seals it when
 * every file is right. False when one is not. The caller holds the lock.
 */
int seal_again(const struct payload *payload, const char *path);

#endif
