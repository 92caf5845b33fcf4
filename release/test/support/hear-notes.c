/** Listens as a service manager does, and prints what it hears: a line a message, with the process that sent it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv) {
  struct sockaddr_un own = {.sun_family = AF_UNIX};
  if (argc != 2 || strlen(argv[1]) >= sizeof own.sun_path) return 2;
  size_t length = strlen(argv[1]);
  memcpy(own.sun_path, argv[1], length);
  if (own.sun_path[0] == '@') own.sun_path[0] = '\0';
  int in = socket(AF_UNIX, SOCK_DGRAM, 0), yes = 1;
  if (bind(in, (struct sockaddr *)&own, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) != 0 ||
      setsockopt(in, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) {
    perror(argv[1]);
    return 1;
  }
  puts("listening");
  fflush(stdout);
  for (;;) {
    char text[4096], control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec into = {.iov_base = text, .iov_len = sizeof text - 1};
    struct msghdr message = {
        .msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(in, &message, 0);
    if (got < 0) return 1;
    text[got] = '\0';
    for (char *c = text; *c != '\0'; c++)
      if (*c == '\n') *c = ' ';
    struct cmsghdr *sent = CMSG_FIRSTHDR(&message);
    struct ucred who = {0};
    if (sent != NULL && sent->cmsg_type == SCM_CREDENTIALS) memcpy(&who, CMSG_DATA(sent), sizeof who);
    printf("%d %s\n", who.pid, text);
    fflush(stdout);
  }
}
