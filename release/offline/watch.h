#pragma once

/**
 * From here on this process and all that come from it ask before they connect, send, start another program, or
 * end. Gives the descriptor on which they ask, or -1 and errno.
 */
int watch_this_process(void);

/** Answers one who asks on the descriptor. */
void answer_one(int asked);
