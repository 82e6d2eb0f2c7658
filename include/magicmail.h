/*
 * libmagicmail: Freeside's export to the MagicMail mail server.
 *
 * JSON documents (UTF-8) go in and come out. A failure is a status and a sentence for people, which
 * mm_last_error() gives. Link with -lmagicmail (pkg-config magicmail).
 *
 * Made by cbindgen from the comments of src/ffi/mod.rs: do not edit.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef MAGICMAIL_H
#define MAGICMAIL_H

#include <stdint.h>

// The version of this interface. A library of another one has another soname; mm_abi_version() says what
// was loaded.
#define MM_ABI_VERSION 1

// The call succeeded.
#define MM_OK 0

// The caller's mistake: a NULL, no UTF-8, no JSON, a missing or unknown key, an unknown operation.
#define MM_ARGUMENT 1

// An option of the configuration cannot be used.
#define MM_CONFIGURATION 2

// It must not be done, or cannot be; nothing was changed.
#define MM_REFUSED 3

// The server said no; what was done before was undone.
#define MM_SERVER 4

// The server was not reached, or its certificate does not verify; nothing is left.
#define MM_NOT_REACHED 5

// The outcome is in doubt: something may be left on the server; mm_last_error_detail() lists it.
#define MM_IN_DOUBT 6

// A defect of the library.
#define MM_INTERNAL 7

// A request and its answer; only where the configuration has "debug".
#define MM_LOG_DEBUG 0

// A change that was made.
#define MM_LOG_INFO 1

// Something that a person should know, though the call may succeed.
#define MM_LOG_WARNING 2

// Something that went wrong.
#define MM_LOG_ERROR 3

// One configured export: a MagicMail server and how to use it. Made by mm_export_new(), freed by
// mm_export_free(). Calls that take it as const may run side by side in any number of threads. A handle
// that was made before a fork may be used on both sides of it: the child makes connections of its own.
typedef struct mm_export mm_export;

// One task of Freeside's, which the library and a shim carry out in a conversation (docs/dialogue.md). Made by
// mm_task_new(), freed by mm_task_free(). One thread at a time may use it.
typedef struct mm_task mm_task;

// Is given each line of the log: `userdata` as it was set, one of MM_LOG_* as `level`, and `line`, which is
// UTF-8 on one line and lives until the function returns. It holds no secret.
//
// It is called on the thread that called the library, while that call runs, and with no lock held: it may
// fork, and it may call the functions of this library, but must not free the handle that logs. It must
// return: no longjmp, no C++ exception. Where threads share a handle, it is called from each of them.
typedef void (*mm_log_fn)(void *userdata, int32_t level, const char *line);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The interface's version in the loaded library: compare it with MM_ABI_VERSION before anything else where
// the library was loaded by name. Never fails.
uint32_t mm_abi_version(void);

// The library's version, such as "1.0.0": a static text, never to be freed. Never fails.
const char *mm_version(void);

// Makes a handle from `config`, a JSON object in UTF-8, which is read and checked without a request and is
// not needed afterwards. The handle is the caller's, to be given to mm_export_free().
//
//     { "machine": "mail.example.net", "client_id": "freeside", "client_password": "..." }
//
// and, where the default will not do: "port" (443), "account_prefix" ("FREESIDE"), "package" ("EMAIL": of a
// service that names none), "autopurge" (false), "ca_file" (the system's CAs), "tls_insecure" (false),
// "timeout" (20: seconds to wait for one request), "debug" (false). Numbers may be texts; a checkbox is on
// when it is 1, "1" or true; what is empty has its default; an unknown key is an error.
//
// Returns NULL on a failure, which mm_last_error() tells: `config` is NULL or no such document
// (MM_ARGUMENT in the detail), or an option cannot be used (MM_CONFIGURATION).
mm_export *mm_export_new(const char *config);

// Frees `handle`; NULL is allowed. No other call on it may be running or follow, in this process; a child
// that a fork gave a copy of the handle frees its own, or leaves it. Leaves mm_last_error() alone.
void mm_export_free(mm_export *handle);

// Sets the function that is given the log of the calls on `handle`, and what it gets as `userdata`. NULL as
// `log` turns the log off, as it is at first; NULL as `userdata` is passed on; NULL as `handle` does nothing.
//
// May be called while other threads use the handle, and from the log function. A call that is under way
// keeps the function and userdata that were set when it began: a userdata must live until those calls have
// returned. The handle remembers each different pair (a few bytes) until it is freed. Never fails, and
// leaves mm_last_error() alone.
void mm_export_set_log(mm_export *handle, mm_log_fn log, void *userdata);

// Brings about what a service needs: the account, the user, its password, address and packages. `request`
// is a JSON object in UTF-8:
//
//     { "account": { "id": "FREESIDE42", "first_name": "Ann", "last_name": "Lee" },
//       "service": { "svcnum": 17, "username": "jane", "domain": "example.net", "finger": "Jane Roe",
//                    "password": "...", "password_encoding": "plain", "package": "EMAIL" },
//       "others":  [ { "svcnum": 12, "username": "ann", "domain": "example.net", "package": "EMAIL" } ] }
//
// "others" are the account's other provisioned services. "service" may have "suspended": true; the request
// may have "dry_run": true, which plans only and changes nothing. An unknown key is an error.
//
// This, and each function below that returns a status: MM_OK, or another status and a failure (one that is
// not known too), which mm_last_error() tells. No pointer but `reply` may be NULL (MM_ARGUMENT). If `reply`
// is not NULL, `*reply` is set to NULL at once, and on MM_OK to a JSON text in UTF-8, which is the caller's,
// to be given to mm_string_free():
//
//     { "steps": ["create account FREESIDE42"], "warnings": [], "requests": 6, "elapsed_ms": 31,
//       "account_id": "FREESIDE42" }
//
// The texts given are not needed afterwards. Any number of threads may call on one handle at once. A call
// blocks until it ends, six times the configuration's "timeout" at most.
int32_t mm_provision(const mm_export *handle, const char *request, char **reply);

// Takes the service's user away: marks it deleted, makes another user the account's master where it was,
// and with "autopurge" purges it. The request as for mm_provision(); the password is not needed. Once the user
// is marked, the call succeeds, and the reply's "unfinished" names what it could not do. Statuses, NULLs,
// ownership and threads as for mm_provision().
int32_t mm_unprovision(const mm_export *handle, const char *request, char **reply);

// Changes the service's user from what "old" in the request says to what "service" says, two objects of the
// same form. Statuses, NULLs, ownership and threads as for mm_provision().
int32_t mm_replace(const mm_export *handle, const char *request, char **reply);

// Suspends the service's user. The request as for mm_provision(); the password is not needed.
// Statuses, NULLs, ownership and threads as for mm_provision().
int32_t mm_suspend(const mm_export *handle, const char *request, char **reply);

// Makes the service's user active again. The request as for mm_provision(); the password is not needed.
// Statuses, NULLs, ownership and threads as for mm_provision().
int32_t mm_unsuspend(const mm_export *handle, const char *request, char **reply);

// Calls one operation of MagicMail's API by its name, such as "get_user", with `arguments`, a JSON object in
// UTF-8 such as {"id": "jane"}. The reply is the record, or the list as an object by id; null where the
// server has none. An operation that is not known is MM_ARGUMENT. Statuses, NULLs, ownership and threads as
// for mm_provision().
int32_t mm_call(const mm_export *handle, const char *operation, const char *arguments, char **reply);

// Begins a task of Freeside's from `begin`, a JSON object in UTF-8 that says what Freeside gave to a hook
// (docs/dialogue.md), and is not needed afterwards. Nothing is sent. C programs that have no Freeside call
// mm_provision() and its like, with everything in one document.
//
// Returns NULL on a failure, which mm_last_error() tells: `begin` is NULL or no such document.
mm_task *mm_task_new(const char *begin);

// Goes on with `task`, for the export `handle`, the same one each time. `answers` is a JSON list in UTF-8: the
// answers to what the last reply asked for, in its order; [] at first. The reply is {"ask": [...]}, named queries
// and commands that the shim is to carry out, or {"done": {...}}, after which the task has ended. A hook that
// failed is MM_OK: "done" has its text. Other statuses, NULLs and ownership as for mm_provision(); `task` must not
// be NULL, and no other call on it may run.
int32_t mm_task_next(const mm_export *handle, mm_task *task, const char *answers, char **reply);

// Frees `task`, whether it has ended or not; NULL is allowed. Leaves mm_last_error() alone.
void mm_task_free(mm_task *task);

// What went wrong in this thread's last call that can fail (mm_export_new(), mm_task_new() and whatever returns
// a status), in one sentence, UTF-8, on one line; "" after a success. Never NULL, not to be freed, and valid
// until the thread's next such call, or its end. Other threads' calls do not touch it.
const char *mm_last_error(void);

// The same as a JSON object: "status" (a number, as returned), "kind" (the status in a word), "code" (the
// server's, or null), "step" (the one that failed, or null), "undone" and "leftovers" (lists of texts: what
// was done and then undone, and what may be left on the server). "{}" after a success. Never NULL, not to
// be freed, and valid as long as mm_last_error().
const char *mm_last_error_detail(void);

// Frees a reply, whichever thread got it; NULL is allowed. Only for what this library put into `*reply`.
// Leaves mm_last_error() alone.
void mm_string_free(char *reply);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MAGICMAIL_H */
