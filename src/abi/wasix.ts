/**
 * The calls of `wasix_32v1` beyond those of preview1, a row for each: its name and a letter for each parameter
 * (`i` an i32, `I` an i64). Those of `RETURNS_NOTHING` have no result; all others answer with an errno. Programs
 * import some in an older form, which has a name of its own here (`OLDER`).
 *
 * Source: the header of wasix-libc and wasmer-wasix 0.702 (wasix-runner.md 0.1, 6.3).
 */
const ROWS = `
fd_dup ii
fd_dup2 iiii
fd_event Iii
fd_pipe ii
fd_fdflags_get ii
fd_fdflags_set ii
path_open2 iiiiiIIiii
getcwd ii
chdir ii
clock_time_set iI
tty_get i
tty_set i
proc_fork ii
proc_fork_env i
proc_exit2 i
proc_exec iiii
proc_exec2 iiiiii
proc_exec3 iiiiiiiii
proc_exec4 iiiiiiiii
proc_spawn iiiiiiiiiiiii
proc_spawn2 iiiiiiiiiiiiii
proc_spawn3 iiiiiiiiiiiiii
proc_id i
proc_parent ii
proc_join iii
proc_join_old ii
proc_signal ii
proc_raise_interval iIi
proc_signals_get i
proc_signals_sizes_get i
proc_snapshot 
callback_signal ii
thread_spawn_v2 ii
thread_spawn_old IIIii
thread_sleep I
thread_id i
thread_join i
thread_parallelism i
thread_signal ii
thread_exit i
futex_wait iiii
futex_wake ii
futex_wake_all ii
thread_local_create Ii
thread_local_destroy i
thread_local_get ii
thread_local_set iI
stack_checkpoint ii
stack_restore iI
context_create ii
context_switch I
context_destroy I
sock_open iiii
sock_pair iiiii
sock_bind ii
sock_listen ii
sock_accept_v2 iiii
sock_connect ii
sock_recv_from iiiiiii
sock_recv_msg iiiiiiiiii
sock_send_to iiiiii
sock_send_file iiIIi
sock_status ii
sock_addr_local ii
sock_addr_peer ii
sock_set_opt_flag iii
sock_get_opt_flag iii
sock_set_opt_time iii
sock_get_opt_time iii
sock_set_opt_size iiI
sock_get_opt_size iii
sock_join_multicast_v4 iii
sock_leave_multicast_v4 iii
sock_join_multicast_v6 iii
sock_leave_multicast_v6 iii
resolve iiiiii
epoll_create i
epoll_ctl iiii
epoll_wait iiiIi
port_bridge iiiii
port_unbridge 
port_dhcp_acquire 
port_addr_add i
port_addr_remove i
port_addr_clear 
port_addr_list ii
port_mac i
port_gateway_set i
port_route_add iiii
port_route_remove i
port_route_clear 
port_route_list ii
dl_invalid_handle i
dlopen iiiiiiii
dlsym iiiiii
dlclose iii
call_dynamic iiiiii
call_dynamic2 iiiiiii
closure_allocate i
closure_prepare iiiiiii
closure_free i
reflect_signature iiiiii
`;

/** The import module under which programs look for them. */
export const WASIX_MODULE = "wasix_32v1";

/** The parameters of each call, by name. */
export const WASIX: ReadonlyMap<string, string> = new Map(
	ROWS.trim()
		.split("\n")
		.map((row) => {
			const [name = "", params = ""] = row.split(" ");
			return [name, params] as const;
		}),
);

/** Calls without a result. */
export const RETURNS_NOTHING: ReadonlySet<string> = new Set([
	"callback_signal",
	"proc_exec",
	"proc_exec2",
	"proc_exit",
	"proc_exit2",
	"stack_restore",
	"thread_exit",
]);

/** By imported name and parameters: the call that is meant, where it is not the one of that name. */
export const OLDER: ReadonlyMap<string, string> = new Map([
	["proc_join ii", "proc_join_old"],
	["thread_spawn ii", "thread_spawn_v2"],
	["thread_spawn IIIii", "thread_spawn_old"],
	["sock_accept iiii", "sock_accept_v2"],
]);
