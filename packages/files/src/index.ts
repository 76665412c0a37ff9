export { appendLine } from './append-line.ts';
export { fileErrorCure, fileErrorText } from './error-text.ts';
export { FilesError, type FilesErrorCode, filesErrors } from './errors.ts';
export {
  type Folder,
  type FolderAccess,
  openFolder,
  type OpenFolderOptions,
  syncFolder,
} from './folder.ts';
export {
  type OpenProgram,
  openProgram,
  type ProgramCall,
  type ProgramEnd,
  runProgram,
} from './program.ts';
export { type ProgramSearch, trustedFile, trustedProgram } from './trusted-path.ts';
export { type FileOwner, isOpenToOthers } from './user.ts';
export {
  type FileAttributes,
  type FileInFolderAttributes,
  type NewFileOptions,
  readFileIn,
  readTrustedFile,
  removeTrustedFile,
  replaceEntry,
  replaceFile,
  replaceFileIn,
  replaceLinkIn,
  type ReservedFile,
  reserveFile,
  writeNewFile,
} from './whole-file.ts';
