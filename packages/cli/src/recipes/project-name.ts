/** A project name made from a folder's name: lower-case letters, digits and underscores, starting with a letter. */
export function projectNameFrom(folderName: string): string {
  const name = folderName
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mn}/gu, '')
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
    .slice(0, 63);
  return name === '' ? 'project' : name;
}
