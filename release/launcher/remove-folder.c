#include "remove-folder.h"

#include <ftw.h>
#include <stdio.h>

enum { OPEN_FOLDERS = 8 };

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)status, (void)kind, (void)place;
  remove(path);
  return 0;
}

void remove_folder(const char *path) { nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }
