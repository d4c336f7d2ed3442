/* The interface between the hub and a plugin, in C. Made by `cargo xtask generate`; do not edit. */
/* The C interface between the hub and a plugin: four structs, one symbol, no Rust type across.
 *
 * A plugin is a shared library that exports `gesher_plugin_v1`. Everything that is done with it is one shape,
 * (name, bytes) to bytes, in both directions: the host invokes the plugin, and while it does, the plugin asks the
 * host. Bytes are JSON where nothing else is said.
 *
 * Four rules make this safe to extend and safe to get wrong:
 *
 * * **Whoever allocated a buffer frees it.** Each side has a `free`, and a buffer is given back to the side that it
 *   came from, once.
 * * **Every struct that may grow begins with its size.** A reader takes what both sides know and treats the rest as
 *   zero; so fields are only ever added at the end.
 * * **A call is a number, not a pointer.** A plugin's thread that uses it after the call is over gets
 *   `GESHER_OVER`, and no memory that is gone.
 * * **No unwinding crosses.** A panic or an exception that leaves a function of this interface ends the process.
 *
 * What the host invokes, with the JSON that goes in and the JSON that comes out:
 *
 * * `call/OPERATION`: `{"reference": text or null, "request": {...}}`, to `{"status", "reference", "document", "code",
 *   "message", "data", "amount"}`, of which only `status` must be there.
 * * `prepare/OPERATION`: the request, to `{"subject": text or null, "amount": "12.50 ILS" or null}`.
 * * `poll/SOURCE`: `{"cursor": anything, "wait_ms": 25000}`, to `{"events": [{"id": text, "data": anything}], "cursor":
 *   anything}`. The cursor is null the first time. It comes back as it was answered, once each of these events has begun
 *   its run; until then, as after a crash, the same one comes again, and the same events belong to it.
 *
 * What a plugin asks the host for while a call lasts, with the JSON that goes in and the JSON that comes back:
 *
 * * `call`: `{"operation", "who", "key", "request"}`, to the answer as scripts get it.
 * * `http`: `{"method": "POST", "url": "https://api.example.com/orders", "headers": {"Content-Type": "application/json"},
 *   "body": "{}", "timeout": 30}`, of which only `url` must be there; to `{"status": 201, "headers": {"location": "..."},
 *   "body": "..."}`, whatever the status. A body that is no text is `"body": null, "body_base64": "..."`. The host must be
 *   listed in `allow`, as `http:api.example.com`. Redirects are not followed, and nothing is sent twice. `GESHER_REFUSED`
 *   says that nothing left (`{"code", "message", "not_sent": true}` where nobody was reached), and `GESHER_BROKEN` that
 *   the request may have left: an operation with an effect that cannot find out answers the status `unknown`. After such a
 *   one nothing more that changes something is sent in the same call, and of what has left nothing is believed to be
 *   `not_sent`. What has no effect, and an event source, may only `GET` and `HEAD`; `prepare`, and an operation that calls
 *   others, nothing. The requests of one call are at most 256, and take at most 300 seconds together.
 * * `secret`: the name as it is, to the value as it is.
 * * `log`: `{"level": "debug", "info", "warn" or "error", "message": text}`, to nothing.
 * * `now`: nothing, to the instant as a JSON text.
 * * `cancelled`: nothing, to `true` when the plugin should give up.
 *
 * `include/gesher_plugin.h` says the same in C. It is made from this file by `cargo xtask generate`. */
#ifndef GESHER_PLUGIN_H
#define GESHER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. A plugin that says another is not loaded. */
#define GESHER_ABI 1

/* A status: it worked, and the output is the answer. */
#define GESHER_OK 0

/* A status: it was refused before anything was done. The output is `{"code": "...", "message": "..."}`. */
#define GESHER_REFUSED 1

/* A status: it broke off in the middle, as after a panic, so nobody can say what was done. The output is a text. */
#define GESHER_BROKEN 2

/* A status: there is nothing of that name. There is no output. */
#define GESHER_NO_SUCH_NAME 3

/* A status: the call is over, its item has ended, or its time is up; the plugin should return soon. No output. */
#define GESHER_OVER 4

/* Bytes that somebody else owns. They may be read until the function that they were passed to returns, and never
 * written or freed by it. A length of zero goes with any pointer, null too. */
typedef struct GesherBytes GesherBytes;
struct GesherBytes {
  /* The first byte. */
  const uint8_t *ptr;
  /* How many there are. */
  size_t len;
};

/* Bytes that go over to the receiver, who gives them back to the `free` of the side that made them, exactly once
 * and with all three fields as they were. An empty one with a null pointer needs no freeing, and may be freed. */
typedef struct GesherBuffer GesherBuffer;
struct GesherBuffer {
  /* The first byte. */
  uint8_t *ptr;
  /* How many there are. */
  size_t len;
  /* The maker's own: how many were allocated, or anything else that its `free` needs. */
  size_t cap;
};

/* What the host lends to a plugin. It lives as long as the process, and is the same for every call. */
typedef struct GesherHostV1 GesherHostV1;
struct GesherHostV1 {
  /* The size of this struct as the host knows it, in bytes. */
  uint32_t size;
  /* The host's version of the interface: `GESHER_ABI`. */
  uint32_t abi;
  /* Asks the host for something, on behalf of a call: `call`, `log`, `http`, `secret`, `now` or `cancelled`. May be
   * used from any thread, from the moment that `invoke` begins until it returns; later it answers `GESHER_OVER`.
   * Blocks until the host has answered. On any status, `output` is written: the host owns what is in it, and the
   * plugin gives it back to this struct's `free`. */
  int32_t (*ask)(uint64_t call, GesherBytes name, GesherBytes input, GesherBuffer *output);
  /* Takes back a buffer that `ask` filled. From any thread, at any time, once for each buffer. */
  void (*free)(GesherBuffer buffer);
};

/* What a plugin is. It is static: it lives as long as the library, which is never unloaded. */
typedef struct GesherPluginV1 GesherPluginV1;
struct GesherPluginV1 {
  /* The size of this struct as the plugin knows it, in bytes. */
  uint32_t size;
  /* The plugin's version of the interface: `GESHER_ABI`. */
  uint32_t abi;
  /* Its manifest, a JSON object in UTF-8: what the plugin is and does, as data. Static, like this struct; the host
   * reads it once. */
  GesherBytes manifest;
  /* Does something: `call/OPERATION`, `prepare/OPERATION` or `poll/SOURCE`. The host may be in it on several
   * threads at once. `host` is valid for ever, `call` until this returns, `name` and `input` until this returns. On
   * any status, `output` is written: the plugin owns what is in it, and the host gives it back to this struct's
   * `free`. It is empty, with a null pointer, when this begins. */
  int32_t (*invoke)(const GesherHostV1 *host, uint64_t call, GesherBytes name, GesherBytes input, GesherBuffer *output);
  /* Takes back a buffer that `invoke` filled. From any thread, at any time, once for each buffer. */
  void (*free)(GesherBuffer buffer);
};

/* The one symbol that a plugin exports: answers what it is. Called once, before anything else, and may be called
 * again. Must not start threads or do anything that can fail. */
const GesherPluginV1 *gesher_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
