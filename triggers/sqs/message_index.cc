#include "triggers/sqs/message_index.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace hearth::sqs {
namespace {

constexpr size_t kChunk = 256;

// Marks a place whose message is gone; its sequence keeps the order.
constexpr uint32_t kNoQueue = 0;

auto LowerBound(std::vector<Message>& messages, uint64_t sequence) {
  return std::ranges::lower_bound(messages, sequence, {}, &Message::sequence);
}

}  // namespace

std::map<uint64_t, MessageIndex::Chunk>::iterator MessageIndex::ChunkOf(uint64_t sequence) {
  auto at = chunks_.upper_bound(sequence);
  return at == chunks_.begin() ? chunks_.end() : std::prev(at);
}

Message& MessageIndex::Insert(const Message& message) {
  CHECK(message.sequence != 0 && message.queue != kNoQueue);
  auto chunk = ChunkOf(message.sequence);
  const bool is_last = chunk == chunks_.end() || std::next(chunk) == chunks_.end();
  if (chunk == chunks_.end() || (is_last && chunk->second.messages.size() >= kChunk &&
                                 message.sequence > chunk->second.messages.back().sequence)) {
    // Nothing packs the last chunk, see Erase: it is looked at when it is so no more.
    if (chunk != chunks_.end()) Pack(chunk);
    chunk = chunks_.emplace(message.sequence, Chunk{}).first;
    if (std::next(chunk) == chunks_.end()) chunk->second.messages.reserve(kChunk);
  }
  auto& messages = chunk->second.messages;
  const auto place = LowerBound(messages, message.sequence);
  ++chunk->second.live;
  ++size_;
  if (place != messages.end() && place->sequence == message.sequence) {
    CHECK(place->queue == kNoQueue);
    *place = message;
    return *place;
  }
  return *messages.insert(place, message);
}

Message* MessageIndex::Find(uint64_t sequence) {
  const auto chunk = ChunkOf(sequence);
  if (chunk == chunks_.end()) return nullptr;
  auto& messages = chunk->second.messages;
  const auto place = LowerBound(messages, sequence);
  const bool is_there =
      place != messages.end() && place->sequence == sequence && place->queue != kNoQueue;
  return is_there ? &*place : nullptr;
}

void MessageIndex::Erase(uint64_t sequence) {
  Message* const message = Find(sequence);
  CHECK(message != nullptr);
  message->queue = kNoQueue;
  --size_;
  const auto chunk = ChunkOf(sequence);
  --chunk->second.live;
  // The last chunk still grows.
  if (std::next(chunk) != chunks_.end()) Pack(chunk);
}

void MessageIndex::Pack(std::map<uint64_t, Chunk>::iterator chunk) {
  auto& [messages, live] = chunk->second;
  if (live == 0) {
    chunks_.erase(chunk);
  } else if (live * 2 <= messages.size()) {
    std::erase_if(messages, [](const Message& each) { return each.queue == kNoQueue; });
    messages.shrink_to_fit();
  }
}

void MessageIndex::ForEach(const std::function<void(Message&)>& visit) {
  for (auto& [first, chunk] : chunks_) {
    for (Message& message : chunk.messages) {
      if (message.queue != kNoQueue) visit(message);
    }
  }
}

uint64_t MessageIndex::ForSome(uint64_t from, size_t most,
                               const std::function<void(Message&)>& visit) {
  auto chunk = ChunkOf(from);
  if (chunk == chunks_.end()) chunk = chunks_.begin();
  for (; chunk != chunks_.end(); ++chunk) {
    auto& messages = chunk->second.messages;
    for (auto at = LowerBound(messages, from); at != messages.end(); ++at) {
      if (most-- == 0) return at->sequence;
      if (at->queue != kNoQueue) visit(*at);
    }
  }
  return 0;
}

}  // namespace hearth::sqs
