#ifndef HAKIRI_RIGHTS_H
#define HAKIRI_RIGHTS_H

/**
 * Fails when the program runs with another user's rights than those of whoever started it (set-user-ID and the like):
 * variables of the caller say where programs are looked for.
 */
void refuse_borrowed_rights(void);

#endif
