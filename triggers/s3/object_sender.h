// Sends an object's bytes as an answer: a small one whole, a large one in pieces, as the client
// takes them. What is held of it is bounded. Loop's thread.
#pragma once

#include "io/http_server.h"
#include "triggers/s3/object_disk.h"

namespace hearth::s3 {

// As ObjectStore::Send. The record's files stay, whatever happens to it meanwhile.
void SendObject(ObjectDisk& disk, const ObjectRecord& object, Piece piece, int status,
                io::HttpHeaders headers, io::HttpResponder responder);

// As ObjectStore::Read.
void ReadObject(ObjectDisk& disk, const ObjectRecord& object, Done<std::string> done);

}  // namespace hearth::s3
