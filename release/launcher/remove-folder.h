#ifndef HAKIRI_REMOVE_FOLDER_H
#define HAKIRI_REMOVE_FOLDER_H

/** Removes a folder of files, or whatever of it there is. */
void remove_folder(const char *path);

#endif
