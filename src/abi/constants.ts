/**
 * The numbers of the WASI preview1 ABI: file types, flags, rights, clocks and events.
 * Source: the preview1 witx; WASIX uses the same numbers.
 */

export const FILETYPE_UNKNOWN = 0;
export const FILETYPE_CHARACTER_DEVICE = 2;
export const FILETYPE_DIRECTORY = 3;
export const FILETYPE_REGULAR_FILE = 4;
export const FILETYPE_SOCKET_DGRAM = 5;
export const FILETYPE_SOCKET_STREAM = 6;
export const FILETYPE_SYMBOLIC_LINK = 7;

export const FDFLAG_APPEND = 1;
export const FDFLAG_DSYNC = 2;
export const FDFLAG_NONBLOCK = 4;
export const FDFLAG_RSYNC = 8;
export const FDFLAG_SYNC = 16;
export const FDFLAGS_ALL = 31;

export const OFLAG_CREAT = 1;
export const OFLAG_DIRECTORY = 2;
export const OFLAG_EXCL = 4;
export const OFLAG_TRUNC = 8;
export const OFLAGS_ALL = 15;

export const LOOKUP_SYMLINK_FOLLOW = 1;

export const FSTFLAG_ATIM = 1;
export const FSTFLAG_ATIM_NOW = 2;
export const FSTFLAG_MTIM = 4;
export const FSTFLAG_MTIM_NOW = 8;

/** The rights in the order of their bits; all of them fit into the low word. */
export const RIGHT_FD_DATASYNC = 1 << 0;
export const RIGHT_FD_READ = 1 << 1;
export const RIGHT_FD_SEEK = 1 << 2;
export const RIGHT_FD_FDSTAT_SET_FLAGS = 1 << 3;
export const RIGHT_FD_SYNC = 1 << 4;
export const RIGHT_FD_TELL = 1 << 5;
export const RIGHT_FD_WRITE = 1 << 6;
export const RIGHT_FD_ADVISE = 1 << 7;
export const RIGHT_FD_ALLOCATE = 1 << 8;
export const RIGHT_PATH_CREATE_DIRECTORY = 1 << 9;
export const RIGHT_PATH_CREATE_FILE = 1 << 10;
export const RIGHT_PATH_LINK_SOURCE = 1 << 11;
export const RIGHT_PATH_LINK_TARGET = 1 << 12;
export const RIGHT_PATH_OPEN = 1 << 13;
export const RIGHT_FD_READDIR = 1 << 14;
export const RIGHT_PATH_READLINK = 1 << 15;
export const RIGHT_PATH_RENAME_SOURCE = 1 << 16;
export const RIGHT_PATH_RENAME_TARGET = 1 << 17;
export const RIGHT_PATH_FILESTAT_GET = 1 << 18;
export const RIGHT_PATH_FILESTAT_SET_SIZE = 1 << 19;
export const RIGHT_PATH_FILESTAT_SET_TIMES = 1 << 20;
export const RIGHT_FD_FILESTAT_GET = 1 << 21;
export const RIGHT_FD_FILESTAT_SET_SIZE = 1 << 22;
export const RIGHT_FD_FILESTAT_SET_TIMES = 1 << 23;
export const RIGHT_PATH_SYMLINK = 1 << 24;
export const RIGHT_PATH_REMOVE_DIRECTORY = 1 << 25;
export const RIGHT_PATH_UNLINK_FILE = 1 << 26;
export const RIGHT_POLL_FD_READWRITE = 1 << 27;
export const RIGHT_SOCK_SHUTDOWN = 1 << 28;
export const RIGHT_SOCK_ACCEPT = 1 << 29;
export const RIGHTS_ALL = (1 << 30) - 1;

export const RIGHTS_STREAM =
	RIGHT_FD_READ |
	RIGHT_FD_WRITE |
	RIGHT_FD_FDSTAT_SET_FLAGS |
	RIGHT_FD_FILESTAT_GET |
	RIGHT_POLL_FD_READWRITE;

export const RIGHTS_SOCKET = RIGHTS_STREAM | RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT;

export const RIGHTS_FILE =
	RIGHTS_STREAM |
	RIGHT_FD_DATASYNC |
	RIGHT_FD_SEEK |
	RIGHT_FD_SYNC |
	RIGHT_FD_TELL |
	RIGHT_FD_ADVISE |
	RIGHT_FD_ALLOCATE |
	RIGHT_FD_FILESTAT_SET_SIZE |
	RIGHT_FD_FILESTAT_SET_TIMES;

export const RIGHTS_DIRECTORY =
	RIGHT_FD_FDSTAT_SET_FLAGS |
	RIGHT_FD_SYNC |
	RIGHT_FD_DATASYNC |
	RIGHT_FD_ADVISE |
	RIGHT_PATH_CREATE_DIRECTORY |
	RIGHT_PATH_CREATE_FILE |
	RIGHT_PATH_LINK_SOURCE |
	RIGHT_PATH_LINK_TARGET |
	RIGHT_PATH_OPEN |
	RIGHT_FD_READDIR |
	RIGHT_PATH_READLINK |
	RIGHT_PATH_RENAME_SOURCE |
	RIGHT_PATH_RENAME_TARGET |
	RIGHT_PATH_FILESTAT_GET |
	RIGHT_PATH_FILESTAT_SET_SIZE |
	RIGHT_PATH_FILESTAT_SET_TIMES |
	RIGHT_FD_FILESTAT_GET |
	RIGHT_FD_FILESTAT_SET_TIMES |
	RIGHT_PATH_SYMLINK |
	RIGHT_PATH_REMOVE_DIRECTORY |
	RIGHT_PATH_UNLINK_FILE |
	RIGHT_POLL_FD_READWRITE;

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME = 2;
export const CLOCK_THREAD_CPUTIME = 3;

export const EVENTTYPE_CLOCK = 0;
export const EVENTTYPE_FD_READ = 1;
export const EVENTTYPE_FD_WRITE = 2;
export const SUBCLOCKFLAG_ABSTIME = 1;
export const EVENTRWFLAG_HANGUP = 1;

export const WHENCE_SET = 0;
export const WHENCE_CUR = 1;
export const WHENCE_END = 2;

export const PREOPENTYPE_DIR = 0;
