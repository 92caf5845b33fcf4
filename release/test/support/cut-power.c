/**
 * `cut-power MOUNT MICROSECONDS PROGRAM`: starts the program and after that time, or `end` when it ends, shuts its file
 * system down, as a power cut does: what was not forced to the disk is lost. Meanwhile another process forces small writes of its own, with
 * which a journal takes along what others have renamed. Ends with 0 when the file system was shut down.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHUT_DOWN _IOR('X', 125, uint32_t)
/** The journal in memory is not written. */
enum { NO_LOG_FLUSH = 2 };

static void force_writes(const char *mount) {
  if (chdir(mount) != 0) _exit(1);
  for (;;) {
    int file = open("other", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || write(file, "x", 1) != 1 || fsync(file) != 0) _exit(0);
    close(file);
    usleep(1000);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int mount = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  pid_t other = fork();
  if (other == 0) force_writes(argv[1]);
  pid_t program = fork();
  if (program == 0) {
    execl(argv[3], argv[3], "--help", NULL);
    _exit(127);
  }
  if (strcmp(argv[2], "end") == 0) waitpid(program, NULL, 0);
  else usleep((useconds_t)atol(argv[2]));
  uint32_t how = NO_LOG_FLUSH;
  int cut = ioctl(mount, SHUT_DOWN, &how);
  kill(program, SIGKILL);
  kill(other, SIGKILL);
  waitpid(program, NULL, 0);
  waitpid(other, NULL, 0);
  return cut == 0 ? 0 : 1;
}
