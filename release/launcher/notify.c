/**
 * Loaded into the runtime by a daemon: sends one message to the service manager, over a kind of socket that the runtime
 * itself cannot open. The protocol: sd_notify(3).
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAPI_VERSION 8
#include <node_api.h>

enum { MOST_MESSAGE_BYTES = 4096 };

/** A path, or a name that starts with an `@`, which stands for the zero byte of an abstract address. */
static socklen_t parse_address(struct sockaddr_un *to, const char *address, size_t length) {
  const int is_abstract = length > 1 && address[0] == '@';
  if (!is_abstract && (length == 0 || address[0] != '/')) return 0;
  // Both end within the address: a path with a zero byte behind it.
  if (length + !is_abstract > sizeof to->sun_path || memchr(address, '\0', length) != NULL) return 0;
  to->sun_family = AF_UNIX;
  memcpy(to->sun_path, address, length);
  if (is_abstract) to->sun_path[0] = '\0';
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_abstract);
}

/** Never waits. Gives 0, or what went wrong as `errno` says it. */
static int send_message(const char *address, size_t address_length, const char *message, size_t length) {
  struct sockaddr_un to = {0};
  socklen_t to_length = parse_address(&to, address, address_length);
  if (to_length == 0) return EINVAL;
  int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (out < 0) return errno;
  ssize_t sent = sendto(out, message, length, MSG_NOSIGNAL, (struct sockaddr *)&to, to_length);
  int failed = sent < 0 ? errno : 0;
  close(out);
  return failed;
}

/** Gives the length of a text, or -1 where the value is none, or one that has no room. */
static long read_text(napi_env env, napi_value value, char *buffer, size_t size) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length >= size) return -1;
  return napi_get_value_string_utf8(env, value, buffer, size, &length) == napi_ok ? (long)length : -1;
}

/** `send(address, message)`: a number, 0 when it was taken. */
static napi_value send_text(napi_env env, napi_callback_info info) {
  char address[sizeof(((struct sockaddr_un *)0)->sun_path) + 2], message[MOST_MESSAGE_BYTES];
  size_t count = 2;
  napi_value arguments[2], result;
  int failed = EINVAL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count == 2) {
    long address_length = read_text(env, arguments[0], address, sizeof address);
    long length = read_text(env, arguments[1], message, sizeof message);
    if (address_length >= 0 && length >= 0)
      failed = send_message(address, (size_t)address_length, message, (size_t)length);
  }
  return napi_create_int32(env, failed, &result) == napi_ok ? result : NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "send", NAPI_AUTO_LENGTH, send_text, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "send", function) != napi_ok)
    return NULL;
  return exports;
}
