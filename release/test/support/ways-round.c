/** Tries to connect to 192.0.2.1 in ways that a list of the usual system calls does not know; prints what came of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { IO_URING_SETUP = 425 };

static void say(const char *way, long result) {
  printf("%s: %s\n", way, result >= 0 ? "went on" : strerror((int)-result));
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
  inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
  // 120 bytes are what the kernel asks for; zeros will do.
  char parameters[120] = {0};
  say("io_uring", syscall(IO_URING_SETUP, 8, parameters) < 0 ? -errno : 0);
#ifdef __x86_64__
  int handle = socket(AF_INET, SOCK_STREAM, 0);
  enum { X32_CONNECT = 0x40000000 + SYS_connect, I386_GETPID = 20 };
  say("x32", syscall(X32_CONNECT, handle, &address, sizeof address) < 0 ? -errno : 0);
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(I386_GETPID) : "memory", "r8", "r9", "r10", "r11");
  say("32 bits", result);
#endif
}
