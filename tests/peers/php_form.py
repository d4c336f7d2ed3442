"""An endpoint that reads a form as PHP does and answers as Senzey's pages say, with the standard library alone.

It shares nothing with the hub: neither its writer of forms nor its simulator. Each request is one line of JSON in the
file that the first argument names: method, path, query, headers, the body's bytes, and what PHP would make of them. The
port that it listens on is the first line that it prints.

What it answers depends on the client's name alone: one with LOST in it gets no answer, one with ECHO an error page that
holds the whole address, one with REFUSED the error of the pages; everything else is a standing order, whose answer calls
itself a page where the name holds PAGE.
"""

import http.server
import json
import sys
from urllib.parse import unquote_to_bytes


def pairs_of(data):
    """Names and values in their order, unescaped: `+` is a space, `%XX` a byte."""
    found = []
    for part in data.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            found.append(tuple(unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8") for text in (name, value)))
    return found


def arrays_of(pairs):
    """What `$_POST` would be: brackets make arrays, empty brackets append, the last of equal names wins."""
    root = {}
    for name, value in pairs:
        top, bracket, rest = name.partition("[")
        top = top.lstrip(" ").replace(".", "_").replace(" ", "_")
        keys = [top]
        while bracket:
            key, closed, rest = rest.partition("]")
            if not closed:
                break
            keys.append(key)
            bracket, rest = rest[:1] if rest[:1] == "[" else "", rest[1:]
        array = root
        for at, key in enumerate(keys):
            if key == "" and at > 0:
                numbers = [int(known) for known in array if known.isdigit()]
                key = str(max(numbers) + 1) if numbers else "0"
            if at == len(keys) - 1:
                array[key] = value
            else:
                if not isinstance(array.get(key), dict):
                    array[key] = {}
                array = array[key]
    return root


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    orders = 10004

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, _, query = self.path.partition("?")
        pairs = pairs_of(body)
        fields = arrays_of(pairs)
        line = {
            "method": self.command,
            "path": path,
            "query": arrays_of(pairs_of(query.encode())),
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode("latin-1"),
            "pairs": pairs,
            "fields": fields,
        }
        with open(sys.argv[1], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        name = fields.get("client_name", "")
        if "LOST" in name:
            self.close_connection = True
        elif "ECHO" in name:
            self.answer(500, "text/html", "<html>PHP Fatal error in http://%s%s</html>" % (self.headers["Host"], self.path))
        elif "REFUSED" in name:
            self.answer(400, "application/json", json.dumps({"error": "Incorrect business number"}))
        else:
            Handler.orders += 1
            content_type = "text/html" if "PAGE" in name else "application/json"
            self.answer(200, content_type, json.dumps({"bank_order_num": Handler.orders, "client_id": "96521"}))

    def answer(self, status, content_type, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
