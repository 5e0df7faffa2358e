// Node's `ws`: see conduct.py for what every foreign server does.
//
//   node serve_ws.cjs [CERTIFICATE KEY]

const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { createServer: createSecureServer } = require("node:https");
const { WebSocketServer } = require("ws");

const SUBPROTOCOL = "superchat";
const MESSAGE_BYTES = 2 ** 24;
const FRAGMENTS = ["frag", "ment", "ed"];

const [certificate, key] = process.argv.slice(2);
const http = certificate
  ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) })
  : createServer();

const server = new WebSocketServer({
  server: http,
  perMessageDeflate: true,
  maxPayload: MESSAGE_BYTES,
  handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  verifyClient: ({ req }, decide) => decide(req.url !== "/refuse", 403, "Not for you."),
});

const closes = [];

const obey = (socket, text) => {
  const [order, code, ...reason] = text.slice("please ".length).split(" ");
  if (order === "close") socket.close(Number(code), reason.join(" "));
  if (order === "fragment")
    FRAGMENTS.forEach((part, index) => socket.send(part, { fin: index === FRAGMENTS.length - 1 }));
  if (order === "ping") {
    socket.once("pong", () => socket.send("pong"));
    socket.ping("are you there?");
  }
};

server.on("connection", (socket, request) => {
  if (request.url === "/closes") {
    let sent = 0;
    const timer = setInterval(() => {
      while (sent < closes.length) socket.send(String(closes[sent++]));
    }, 10);
    socket.on("close", () => clearInterval(timer));
    return;
  }
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? "" : data.toString();
    if (text.startsWith("please ")) obey(socket, text);
    else socket.send(data, { binary: isBinary });
  });
  socket.on("close", (code) => closes.push(code));
});

http.listen(0, "127.0.0.1", () => console.log(http.address().port));
