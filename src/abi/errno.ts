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

// A number becomes an Errno here and nowhere else.
export const E2BIG = -1 as Errno;
export const EACCES = -2 as Errno;
export const EADDRINUSE = -3 as Errno;
export const EADDRNOTAVAIL = -4 as Errno;
export const EAFNOSUPPORT = -5 as Errno;
export const EAGAIN = -6 as Errno;
export const EBADF = -8 as Errno;
export const EBUSY = -10 as Errno;
export const ECANCELED = -11 as Errno;
export const ECHILD = -12 as Errno;
export const ECONNREFUSED = -14 as Errno;
export const ECONNRESET = -15 as Errno;
export const EDESTADDRREQ = -17 as Errno;
export const EEXIST = -20 as Errno;
export const EFAULT = -21 as Errno;
export const EFBIG = -22 as Errno;
export const EILSEQ = -25 as Errno;
export const EINPROGRESS = -26 as Errno;
export const EINTR = -27 as Errno;
export const EINVAL = -28 as Errno;
export const EIO = -29 as Errno;
export const EISCONN = -30 as Errno;
export const EISDIR = -31 as Errno;
export const ELOOP = -32 as Errno;
export const EMFILE = -33 as Errno;
export const EMLINK = -34 as Errno;
export const EMSGSIZE = -35 as Errno;
export const ENAMETOOLONG = -37 as Errno;
export const ENETUNREACH = -40 as Errno;
export const ENOBUFS = -42 as Errno;
export const ENOENT = -44 as Errno;
export const ENOEXEC = -45 as Errno;
export const ENOMEM = -48 as Errno;
export const ENOPROTOOPT = -50 as Errno;
export const ENOSPC = -51 as Errno;
export const ENOSYS = -52 as Errno;
export const ENOTCAPABLE = -76 as Errno;
export const ENOTCONN = -53 as Errno;
export const ENOTDIR = -54 as Errno;
export const ENOTEMPTY = -55 as Errno;
export const ENOTSOCK = -57 as Errno;
export const ENOTSUP = -58 as Errno;
export const ENOTTY = -59 as Errno;
export const ENXIO = -60 as Errno;
export const EOVERFLOW = -61 as Errno;
export const EPERM = -63 as Errno;
export const EPIPE = -64 as Errno;
export const EPROTONOSUPPORT = -66 as Errno;
export const ERANGE = -68 as Errno;
export const EROFS = -69 as Errno;
export const ESPIPE = -70 as Errno;
export const ESRCH = -71 as Errno;
export const ESTALE = -72 as Errno;
export const ETIMEDOUT = -73 as Errno;
export const EXDEV = -75 as Errno;

/** "Ask again": a ticket is open and nothing has changed. Never reaches the guest. */
export const PENDING = -1000 as Errno;

/** "The process is over": the adapter unwinds the guest's stack. Never reaches the guest. */
export const ENDED = -1001 as Errno;
