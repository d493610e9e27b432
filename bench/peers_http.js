// An HTTP echo server of node's own: JSON in, JSON out. Argument: the port.
'use strict';
const http = require('http');

http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = JSON.stringify(JSON.parse(Buffer.concat(pieces).toString() || '{}'));
    response.writeHead(200, {'Content-Type': 'application/json',
                             'Content-Length': Buffer.byteLength(body)});
    response.end(body);
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
