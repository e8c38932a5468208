/**
 * The answers of a call, as numbers.
 *
 * Inside Porthole a failure is a number and never an exception: minus the errno of the WASI ABI, so
 * that `ENOENT` is -44. A call that yields a count returns it or an Errno, and its caller tests
 * `n < 0`. One of these numbers is no failure at all: `PENDING` says "what I need is on its way;
 * wait, and call me again from the start". Another, `ENDED`, says that the process is over and its
 * stack is to be unwound. Neither ever reaches the guest.
 *
 * Source: WASI preview1, `errno`; 77 to 80 are WASIX additions.
 */
declare const errnoBrand: unique symbol;

/** A failure: minus the errno of the ABI. */
export type Errno = number & { readonly [errnoBrand]: true };

/** The answer of a call that yields nothing: 0, or why it failed. */
export type Done = 0 | Errno;

/** The names in the order of their numbers: the name at index 44 belongs to `ENOENT`. */
const names = [
	"SUCCESS",
	"E2BIG",
	"EACCES",
	"EADDRINUSE",
	"EADDRNOTAVAIL",
	"EAFNOSUPPORT",
	"EAGAIN",
	"EALREADY",
	"EBADF",
	"EBADMSG",
	"EBUSY",
	"ECANCELED",
	"ECHILD",
	"ECONNABORTED",
	"ECONNREFUSED",
	"ECONNRESET",
	"EDEADLK",
	"EDESTADDRREQ",
	"EDOM",
	"EDQUOT",
	"EEXIST",
	"EFAULT",
	"EFBIG",
	"EHOSTUNREACH",
	"EIDRM",
	"EILSEQ",
	"EINPROGRESS",
	"EINTR",
	"EINVAL",
	"EIO",
	"EISCONN",
	"EISDIR",
	"ELOOP",
	"EMFILE",
	"EMLINK",
	"EMSGSIZE",
	"EMULTIHOP",
	"ENAMETOOLONG",
	"ENETDOWN",
	"ENETRESET",
	"ENETUNREACH",
	"ENFILE",
	"ENOBUFS",
	"ENODEV",
	"ENOENT",
	"ENOEXEC",
	"ENOLCK",
	"ENOLINK",
	"ENOMEM",
	"ENOMSG",
	"ENOPROTOOPT",
	"ENOSPC",
	"ENOSYS",
	"ENOTCONN",
	"ENOTDIR",
	"ENOTEMPTY",
	"ENOTRECOVERABLE",
	"ENOTSOCK",
	"ENOTSUP",
	"ENOTTY",
	"ENXIO",
	"EOVERFLOW",
	"EOWNERDEAD",
	"EPERM",
	"EPIPE",
	"EPROTO",
	"EPROTONOSUPPORT",
	"EPROTOTYPE",
	"ERANGE",
	"EROFS",
	"ESPIPE",
	"ESRCH",
	"ESTALE",
	"ETIMEDOUT",
	"ETXTBSY",
	"EXDEV",
	"ENOTCAPABLE",
	"ESHUTDOWN",
	"EMEMVIOLATION",
	"EUNKNOWN",
] as const;

type ErrnoName = Exclude<(typeof names)[number], "SUCCESS">;

const byName = new Map<string, Errno>(
	// A number becomes an Errno here and nowhere else.
	names.map((name, number) => [name, -number as Errno]),
);

function errno(name: ErrnoName): Errno {
	const found = byName.get(name);
	if (found === undefined) throw new Error(`no errno ${name}`);
	return found;
}

export const E2BIG = errno("E2BIG");
export const EACCES = errno("EACCES");
export const EAGAIN = errno("EAGAIN");
export const EBADF = errno("EBADF");
export const EBUSY = errno("EBUSY");
export const ECANCELED = errno("ECANCELED");
export const EEXIST = errno("EEXIST");
export const EFAULT = errno("EFAULT");
export const EFBIG = errno("EFBIG");
export const EILSEQ = errno("EILSEQ");
export const EINTR = errno("EINTR");
export const EINVAL = errno("EINVAL");
export const EIO = errno("EIO");
export const EISDIR = errno("EISDIR");
export const ELOOP = errno("ELOOP");
export const EMFILE = errno("EMFILE");
export const EMLINK = errno("EMLINK");
export const ENAMETOOLONG = errno("ENAMETOOLONG");
export const ENOENT = errno("ENOENT");
export const ENOEXEC = errno("ENOEXEC");
export const ENOMEM = errno("ENOMEM");
export const ENOSPC = errno("ENOSPC");
export const ENOSYS = errno("ENOSYS");
export const ENOTCAPABLE = errno("ENOTCAPABLE");
export const ENOTDIR = errno("ENOTDIR");
export const ENOTEMPTY = errno("ENOTEMPTY");
export const ENOTSOCK = errno("ENOTSOCK");
export const ENOTSUP = errno("ENOTSUP");
export const ENXIO = errno("ENXIO");
export const EOVERFLOW = errno("EOVERFLOW");
export const EPERM = errno("EPERM");
export const EPIPE = errno("EPIPE");
export const EROFS = errno("EROFS");
export const ESPIPE = errno("ESPIPE");
export const ETIMEDOUT = errno("ETIMEDOUT");
export const EXDEV = errno("EXDEV");

/** "Ask again": a ticket is open and nothing has changed. Never reaches the guest. */
export const PENDING = -1000 as Errno;

/** "The process is over": the adapter unwinds the guest's stack. Never reaches the guest. */
export const ENDED = -1001 as Errno;

/** The POSIX name of a failure, such as `"ENOENT"`; what errors at the API carry as their `code`. */
export function errnoName(error: number): string {
	return names[-error] ?? (error === PENDING ? "PENDING" : "EUNKNOWN");
}

/** The failure called `name`; EIO for a name that the ABI does not know. */
export function errnoOf(name: unknown): Errno {
	return (typeof name === "string" && byName.get(name)) || EIO;
}
