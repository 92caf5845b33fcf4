#include "name-sockets.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

struct kept {
  /** Of the socket, which several processes may have under several numbers. */
  ino_t inode;
  struct address server;
  struct kept *next;
};

static struct kept *first = NULL;

struct socket {
  ino_t inode;
  int type;
};

static bool look_at(pid_t thread, int number, struct socket *socket) {
  const struct process *process = process_of(thread);
  int holder = process == NULL ? -1 : (int)syscall(SYS_pidfd_open, process->pid, 0);
  if (holder < 0) return false;
  int copy = (int)syscall(SYS_pidfd_getfd, holder, number, 0);
  close(holder);
  if (copy < 0) return false;
  struct stat status;
  socklen_t size = sizeof socket->type;
  bool is = fstat(copy, &status) == 0 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &socket->type, &size) == 0;
  close(copy);
  socket->inode = status.st_ino;
  return is;
}

static struct kept **find(ino_t inode) {
  struct kept **one = &first;
  while (*one != NULL && (*one)->inode != inode) one = &(*one)->next;
  return one;
}

bool keep_name_socket(pid_t thread, int number, const struct address *server) {
  struct socket socket;
  if (!look_at(thread, number, &socket) || socket.type != SOCK_DGRAM) return false;
  struct kept *kept = *find(socket.inode);
  if (kept == NULL) {
    kept = malloc(sizeof *kept);
    if (kept == NULL) abort();
    *kept = (struct kept){.inode = socket.inode, .next = first};
    first = kept;
  }
  kept->server = *server;
  return true;
}

void drop_name_socket(pid_t thread, int number) {
  struct socket socket;
  if (first == NULL || !look_at(thread, number, &socket)) return;
  struct kept **place = find(socket.inode), *kept = *place;
  if (kept == NULL) return;
  *place = kept->next;
  free(kept);
}

const struct address *name_socket(pid_t thread, int number) {
  struct socket socket;
  if (first == NULL || !look_at(thread, number, &socket)) return NULL;
  struct kept *kept = *find(socket.inode);
  return kept == NULL ? NULL : &kept->server;
}
