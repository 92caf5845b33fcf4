#ifndef HAKIRI_OWN_PATH_H
#define HAKIRI_OWN_PATH_H

/** The absolute path of the running program, also where no /proc is mounted. `size` is that of `path`. */
void own_path(char *path, unsigned long size);

#endif
