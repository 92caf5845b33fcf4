#include "question.h"

#include <ctype.h>
#include <stdio.h>

enum { HEADER = 12, LONGEST_LABEL = 63, LONGEST_NAME = 255 };

static const char *type_name(unsigned type) {
  switch (type) {
    case 1:
      return "A";
    case 12:
      return "PTR";
    case 16:
      return "TXT";
    case 28:
      return "AAAA";
    case 33:
      return "SRV";
    case 65:
      return "HTTPS";
    default:
      return "another type";
  }
}

bool say_question(const uint8_t *message, size_t length, char *text, size_t size) {
  char name[LONGEST_NAME + 1];
  size_t at = HEADER, written = 0;
  while (at < length && message[at] != 0) {
    size_t label = message[at++];
    if (label > LONGEST_LABEL || at + label > length || written + label + 1 >= sizeof name) return false;
    if (written > 0) name[written++] = '.';
    for (; label > 0; label--, at++) name[written++] = isgraph(message[at]) ? (char)message[at] : '?';
  }
  // After the name: its end, the type and the class of what is asked for.
  if (at + 5 > length) return false;
  name[written] = '\0';
  snprintf(text, size, "%s (%s)", written == 0 ? "." : name, type_name((unsigned)(message[at + 1] << 8 | message[at + 2])));
  return true;
}
