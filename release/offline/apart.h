#pragma once

/** Moves this process to a network of its own, of which there is the loopback only. Gives what failed, or NULL. */
const char *go_apart(void);
