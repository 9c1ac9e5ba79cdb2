// simple-hl7's server at a port of 127.0.0.1: it parses each message and answers AA. `start` knows no address.
const net = require("node:net");
const hl7 = require("simple-hl7");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port) {
  return listen.call(this, port, "127.0.0.1");
};
const app = hl7.tcp();
app.use((req, res) => res.end());
app.start(Number(process.argv[2]));
