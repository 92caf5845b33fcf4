#ifndef HAKIRI_OWN_PATH_H
#define HAKIRI_OWN_PATH_H

/** The absolute path of the running program, also where no /proc is mounted. `size` is that of `path`. */
void own_path(char *path, unsigned long size);

/** Opens the running program to read it, also where another file has its path by now. -1 with errno. */
int open_own_file(const char *path);

#endif
