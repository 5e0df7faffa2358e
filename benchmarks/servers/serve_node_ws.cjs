// ws on Node.js: node FILE PORT [--tls CERT KEY] [--deflate]
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { Sender, WebSocket, WebSocketServer } = require("ws");

const options = process.argv.slice(2);
const port = Number(options[0]);
const tls = options.indexOf("--tls");
const deflates = options.includes("--deflate");

const server =
  tls < 0
    ? http.createServer()
    : https.createServer({ cert: fs.readFileSync(options[tls + 1]), key: fs.readFileSync(options[tls + 2]) });
const sockets = new WebSocketServer({ server, perMessageDeflate: deflates, maxPayload: 16 * 1024 * 1024 });
const members = new Set();

// ws has no broadcast. `Sender.frame` was made static so that a server can build a frame once
// for many clients; they have no public way to send it, hence `_socket`.
function publish(data, isBinary) {
  const opcode = isBinary ? 2 : 1;
  const frame = Buffer.concat(Sender.frame(data, { fin: true, rsv1: false, opcode, mask: false, readOnly: false }));
  for (const member of members) {
    if (member.readyState === WebSocket.OPEN) member._socket.write(frame);
  }
}

sockets.on("connection", (ws, request) => {
  ws.on("error", () => {});
  if (request.url === "/echo") {
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
  } else {
    members.add(ws);
    ws.on("close", () => members.delete(ws));
    ws.on("message", publish);
  }
});

server.listen(port, "127.0.0.1");
