#ifndef HAKIRI_REMOVE_FOLDER_H
#define HAKIRI_REMOVE_FOLDER_H

/** Removes a folder with what is in it, or whatever else has that name; follows no link. */
void remove_folder(const char *path);

#endif
