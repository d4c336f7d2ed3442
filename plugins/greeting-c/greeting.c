/* A plugin in C: no Rust, no library but the C one, a hundred lines.
 *
 *   cc -std=c11 -O2 -fPIC -shared -I crates/gesher-plugin-abi/include -o greeting.so plugins/greeting-c/greeting.c
 *
 * It has two operations. `greeting.hello` answers a greeting by itself. `greeting.rate` calls an operation of the hub,
 * which is a step of the item that called it, and hands its answer on.
 */

#include "gesher_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The manifest: what the hub knows of the plugin before it calls it. */
static const char MANIFEST[] =
    "{\"abi\":1,\"name\":\"greeting\",\"version\":\"1.0.0\",\"summary\":\"Greets, from C.\","
    "\"needs\":[\"officeguy.get_vat_rate\"],\"operations\":["
    "{\"name\":\"hello\",\"summary\":\"Greet somebody.\",\"effect\":\"read\","
    "\"request_schema\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],"
    "\"properties\":{\"name\":{\"type\":\"string\",\"description\":\"Whom to greet: letters only.\"}}},"
    "\"answer_schema\":{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\"}}},"
    "\"examples\":[{\"title\":\"Greet Dana\",\"request\":{\"name\":\"Dana\"},\"answer\":{\"text\":\"Shalom Dana\"}}]},"
    "{\"name\":\"rate\",\"summary\":\"Ask OfficeGuy for the rate of VAT.\",\"effect\":\"read\",\"calls\":true,"
    "\"request_schema\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
    "\"answer_schema\":{\"type\":\"object\"},"
    "\"examples\":[{\"title\":\"Today\",\"request\":{},\"answer\":{\"status\":\"succeeded\"}}]}]}";

/* What is handed to the hub, which gives it back to `give_back`. */
static GesherBuffer buffer_of(const char *bytes, size_t length) {
  GesherBuffer buffer = {malloc(length ? length : 1), length, length};
  if (buffer.ptr == NULL) abort();
  memcpy(buffer.ptr, bytes, length);
  return buffer;
}

static void give_back(GesherBuffer buffer) { free(buffer.ptr); }

static int is(GesherBytes name, const char *word) {
  return name.len == strlen(word) && memcmp(name.ptr, word, name.len) == 0;
}

/* The letters of `name` in `{"reference":null,"request":{"name":"Dana"}}`. The hub has checked the request against the
 * schema, so the field is there; letters only are taken, so that nothing has to be escaped. */
static int find_name(GesherBytes input, char *name, size_t size) {
  static const char field[] = "\"name\":\"";
  size_t at, length = 0, begin = sizeof field - 1;
  for (at = 0; at + begin <= input.len; at++) {
    if (memcmp(input.ptr + at, field, begin) != 0) continue;
    for (at += begin; at < input.len && input.ptr[at] != '"'; at++) {
      if (input.ptr[at] == '\\' || input.ptr[at] < 0x20 || length + 1 >= size) return 0;
      name[length++] = (char)input.ptr[at];
    }
    name[length] = 0;
    return length > 0;
  }
  return 0;
}

static int32_t hello(GesherBytes input, GesherBuffer *output) {
  char name[64], answer[256];
  if (!find_name(input, name, sizeof name)) {
    static const char refusal[] = "{\"code\":\"name\",\"message\":\"the name is empty, too long, or not plain\"}";
    *output = buffer_of(refusal, sizeof refusal - 1);
    return GESHER_REFUSED;
  }
  int length = snprintf(answer, sizeof answer,
                        "{\"status\":\"succeeded\",\"data\":{\"text\":\"Shalom %s\"}}", name);
  *output = buffer_of(answer, (size_t)length);
  return GESHER_OK;
}

/* Calls an operation of the hub and hands its answer on as it is. */
static int32_t rate(const GesherHostV1 *host, uint64_t call, GesherBuffer *output) {
  static const char name[] = "call";
  static const char asked[] = "{\"operation\":\"officeguy.get_vat_rate\",\"who\":\"marketplace\",\"request\":{}}";
  static const char begin[] = "{\"status\":\"succeeded\",\"data\":";
  GesherBytes what = {(const uint8_t *)name, sizeof name - 1};
  GesherBytes input = {(const uint8_t *)asked, sizeof asked - 1};
  GesherBuffer answer = {NULL, 0, 0};
  int32_t status = host->ask(call, what, input, &answer);
  if (status == GESHER_OK) {
    size_t length = sizeof begin - 1 + answer.len + 1;
    char *text = malloc(length);
    if (text == NULL) abort();
    memcpy(text, begin, sizeof begin - 1);
    memcpy(text + sizeof begin - 1, answer.ptr, answer.len);
    text[length - 1] = '}';
    *output = buffer_of(text, length);
    free(text);
  } else {
    *output = buffer_of((const char *)answer.ptr, answer.len);
  }
  host->free(answer);
  return status;
}

static int32_t invoke(const GesherHostV1 *host, uint64_t call, GesherBytes name, GesherBytes input,
                      GesherBuffer *output) {
  if (is(name, "call/hello")) return hello(input, output);
  if (is(name, "call/rate")) return rate(host, call, output);
  return GESHER_NO_SUCH_NAME;
}

const GesherPluginV1 *gesher_plugin_v1(void) {
  static const GesherPluginV1 plugin = {
      sizeof(GesherPluginV1), GESHER_ABI, {(const uint8_t *)MANIFEST, sizeof MANIFEST - 1}, invoke, give_back};
  return &plugin;
}
