// One conversation of Node's `ws` client: connect, say everything, close, and print what was noticed.
//
//   node ws_client.cjs URL '{"messages": ["text", {"bytes": 70000}], "ping": "x", "close": [1000, ""], "deflate": true}'

const { createHash } = require("node:crypto");
const WebSocket = require("ws");

const [url, plan] = process.argv.slice(2);
const { messages = [], ping = null, close = null, deflate = false } = JSON.parse(plan);

const noticed = { echoes: [], pong: null, extensions: "", close: null, refused: null };
const socket = new WebSocket(url, { perMessageDeflate: deflate });
let awaited = messages.length + (ping === null ? 0 : 1);

const content = (message) =>
  typeof message === "string" ? message : Buffer.alloc(message.bytes, "trioweb and ws ");

const describe = (data) =>
  data.length <= 100 ? data.toString() : `${data.length} ${createHash("sha256").update(data).digest("hex")}`;

const oneArrived = () => {
  awaited -= 1;
  if (awaited === 0 && close !== null) socket.close(...close);
};

socket.on("open", () => {
  noticed.extensions = socket.extensions;
  for (const message of messages) socket.send(content(message));
  if (ping !== null) socket.ping(ping);
});
socket.on("message", (data, isBinary) => {
  noticed.echoes.push([isBinary ? "binary" : "text", describe(data)]);
  oneArrived();
});
socket.on("pong", (data) => {
  noticed.pong = data.toString();
  oneArrived();
});
socket.on("unexpected-response", (request, response) => {
  noticed.refused = response.statusCode;
  request.destroy();
  console.log(JSON.stringify(noticed));
  process.exit(0);
});
socket.on("close", (code, reason) => {
  noticed.close = [code, reason.toString()];
  console.log(JSON.stringify(noticed));
});
