#include "judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "attempts.h"
#include "memory.h"
#include "name-sockets.h"
#include "question.h"

enum {
  /** More of a message than any question of a name needs. */
  QUESTION_SIZE = 512,
  MOST_MESSAGES = 64,
  MOST_PIECES = 8,
  WHAT_SIZE = 500,
};

static const struct verdict REFUSED = {.error = ENETUNREACH};
static const struct verdict SEEMS_DONE = {.error = 0};
static const struct verdict NOT_THERE = {.error = ENOENT};

static struct address read_address(pid_t thread, uint64_t from, uint64_t length) {
  struct address address = {.length = 0};
  if (from == 0 || length < sizeof(sa_family_t)) return address;
  if (length > sizeof address.room) length = sizeof address.room;
  // What cannot be read the kernel cannot read either, and says so.
  if (read_memory(thread, from, &address.room, length) == length) address.length = length;
  return address;
}

static struct verdict refuse(pid_t thread, const char *how, const struct address *address) {
  char where[200], what[WHAT_SIZE];
  say_address(address, where, sizeof where);
  snprintf(what, sizeof what, "%s %s", how, where);
  note_attempt(thread, what);
  return REFUSED;
}

static struct verdict refuse_question(pid_t thread, const struct address *server, const uint8_t *bytes, size_t length) {
  char where[100], question[300], what[WHAT_SIZE];
  say_address(server, where, sizeof where);
  if (say_question(bytes, length, question, sizeof question))
    snprintf(what, sizeof what, "asked %s for the name %s", where, question);
  else
    snprintf(what, sizeof what, "asked %s for a name", where);
  note_attempt(thread, what);
  return REFUSED;
}

struct verdict judge_connect(pid_t thread, int socket, uint64_t from, uint64_t length) {
  struct address address = read_address(thread, from, length);
  if (address.length == 0) return GOES_ON;
  // Then names are asked for in a way that can be read.
  if (is_name_cache(&address)) return NOT_THERE;
  // What is asked for is known only when it is sent.
  if (is_name_server(&address) && keep_name_socket(thread, socket, &address)) return SEEMS_DONE;
  drop_name_socket(thread, socket);
  if (is_name_server(&address)) return refuse(thread, "connected, to ask for a name, to", &address);
  return stays_here(&address) ? GOES_ON : refuse(thread, "connected to", &address);
}

/** Of a message that is sent, `address` may be none. */
static struct verdict judge_message(
    pid_t thread, int socket, struct address address, const uint8_t *bytes, size_t length) {
  if (address.length == 0) {
    const struct address *server = name_socket(thread, socket);
    return server == NULL ? GOES_ON : refuse_question(thread, server, bytes, length);
  }
  if (is_name_server(&address)) return refuse_question(thread, &address, bytes, length);
  return stays_here(&address) ? GOES_ON : refuse(thread, "sent to", &address);
}

struct verdict judge_sendto(pid_t thread, const uint64_t call[6]) {
  uint8_t bytes[QUESTION_SIZE];
  size_t size = call[2] < sizeof bytes ? call[2] : sizeof bytes;
  struct address address = read_address(thread, call[4], (uint32_t)call[5]);
  return judge_message(thread, (int)call[0], address, bytes, read_memory(thread, call[1], bytes, size));
}

static struct verdict judge_header(pid_t thread, int socket, const struct msghdr *header) {
  uint8_t bytes[QUESTION_SIZE];
  struct iovec pieces[MOST_PIECES];
  size_t count = header->msg_iovlen < MOST_PIECES ? header->msg_iovlen : MOST_PIECES, length = 0;
  count = read_memory(thread, (uint64_t)header->msg_iov, pieces, count * sizeof *pieces) / sizeof *pieces;
  for (size_t i = 0; i < count && length < sizeof bytes; i++) {
    size_t room = sizeof bytes - length, size = pieces[i].iov_len < room ? pieces[i].iov_len : room;
    length += read_memory(thread, (uint64_t)pieces[i].iov_base, bytes + length, size);
  }
  struct address address = read_address(thread, (uint64_t)header->msg_name, header->msg_namelen);
  return judge_message(thread, socket, address, bytes, length);
}

struct verdict judge_sendmsg(pid_t thread, int socket, uint64_t message) {
  struct msghdr header;
  if (read_memory(thread, message, &header, sizeof header) != sizeof header) return GOES_ON;
  return judge_header(thread, socket, &header);
}

struct verdict judge_sendmmsg(pid_t thread, int socket, uint64_t messages, unsigned count) {
  struct mmsghdr headers[MOST_MESSAGES];
  size_t size = (count < MOST_MESSAGES ? count : MOST_MESSAGES) * sizeof *headers;
  size_t there = read_memory(thread, messages, headers, size) / sizeof *headers;
  struct verdict verdict = GOES_ON;
  for (size_t i = 0; i < there; i++) {
    struct verdict one = judge_header(thread, socket, &headers[i].msg_hdr);
    if (!one.goes_on) verdict = one;
  }
  return verdict;
}
