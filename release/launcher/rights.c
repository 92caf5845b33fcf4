#include "rights.h"

#include <unistd.h>

#include "fail.h"

void refuse_borrowed_rights(void) {
  if (getuid() != geteuid() || getgid() != getegid())
    fail("Take the set-user-ID and set-group-ID bits off its file (chmod ug-s), and start it as the user it is to run as.",
         "the program does not run with the rights of another user");
}
