/**
 * The names of the failures. Programs know only numbers, so the worker loads the names with the first mount
 * or the first call of the page for a file.
 */
import { EIO, type Errno } from "./errno.ts";

/** All names, without their `E`, in the order of their numbers: `NOENT` is the 44th. */
const names = (
	"SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY " +
	"CANCELED CHILD CONNABORTED CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM DQUOT EXIST " +
	"FAULT FBIG HOSTUNREACH IDRM ILSEQ INPROGRESS INTR INVAL IO ISCONN ISDIR LOOP MFILE " +
	"MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN NETRESET NETUNREACH NFILE NOBUFS NODEV " +
	"NOENT NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS NOTCONN NOTDIR NOTEMPTY " +
	"NOTRECOVERABLE NOTSOCK NOTSUP NOTTY NXIO OVERFLOW OWNERDEAD PERM PIPE PROTO " +
	"PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE TIMEDOUT TXTBSY XDEV NOTCAPABLE " +
	"SHUTDOWN MEMVIOLATION UNKNOWN"
).split(" ");

/** The POSIX name of a failure, such as `"ENOENT"`; what errors at the API carry as their `code`. */
export function errnoName(error: number): string {
	const name = names[-error];
	return name === undefined ? "EUNKNOWN" : `E${name}`;
}

/** The failure called `name`; EIO for a name that the ABI does not know. */
export function errnoOf(name: unknown): Errno {
	const number = typeof name === "string" && name[0] === "E" ? names.indexOf(name.slice(1)) : -1;
	return number > 0 ? (-number as Errno) : EIO;
}
