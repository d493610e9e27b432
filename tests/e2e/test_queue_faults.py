"""Queues under faults: kills at random points, and a disk that is full."""
import os
import random
import subprocess
import threading
import unittest

import botocore.exceptions

from harness import Hearthd, hearthd_on_a_disk, poll
from test_queues import sqs_client


class QueueDurability(unittest.TestCase):
    ROUNDS = int(os.environ.get("HEARTH_QUEUE_KILLS", "6"))

    def setUp(self):
        self.host = Hearthd()
        self.addCleanup(self.host.stop)

    def test_kills_at_random_points_lose_no_message_and_bring_none_back(self):
        sqs = sqs_client(self.host)
        sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "0"})
        sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true",
                                                         "VisibilityTimeout": "0"})
        sqs.close()
        sent, unsure, deleted, order, taken, wrong = set(), set(), set(), [], [], []
        for round_number in range(self.ROUNDS):
            stop = threading.Event()
            url, fifo = (f"{self.host.url}/000000000000/{name}" for name in ("q", "q.fifo"))

            def until_killed(step):
                client, number = sqs_client(self.host), 0
                while not stop.is_set():
                    try:
                        step(client, f"{round_number}-{number}-{threading.get_ident()}")
                    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                        break
                    number += 1
                client.close()

            def send(client, body):
                unsure.add(body)
                client.send_message(QueueUrl=url, MessageBody=body)
                sent.add(body)

            def send_in_order(client, body):
                client.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g",
                                    MessageDeduplicationId=body)
                order.append(body)

            def delete(client, _):
                for message in client.receive_message(
                        QueueUrl=url, MaxNumberOfMessages=3).get("Messages", []):
                    if message["Body"] in deleted:
                        wrong.append("came back: " + message["Body"])
                    unsure.add("-" + message["Body"])
                    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    deleted.add(message["Body"])

            def take_in_order(client, _):
                for message in client.receive_message(
                        QueueUrl=fifo, MaxNumberOfMessages=2, VisibilityTimeout=1,
                        AttributeNames=["SequenceNumber"]).get("Messages", []):
                    place = (message["Attributes"]["SequenceNumber"], message["Body"])
                    if taken and place <= taken[-1]:
                        wrong.append(f"{place} came after {taken[-1]}")
                    unsure.add("-" + message["Body"])
                    client.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
                    taken.append(place)

            threads = [threading.Thread(target=until_killed, args=(step,))
                       for step in (send, send, send_in_order, delete, take_in_order)]
            for thread in threads:
                thread.start()
            target = len(sent) + random.randint(20, 120)
            poll("messages are sent", lambda t=target: len(sent) >= t)
            self.host.kill()
            stop.set()
            for thread in threads:
                thread.join()
            self.host.start()
        self.assertEqual(wrong, [])
        left, sqs = set(), sqs_client(self.host)
        self.addCleanup(sqs.close)
        url, fifo = (f"{self.host.url}/000000000000/{name}" for name in ("q", "q.fifo"))
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10,
                                              VisibilityTimeout=600).get("Messages"):
            left |= {message["Body"] for message in messages}
        self.assertEqual(left & deleted, set(), "deleted messages came back")
        lost = {b for b in sent - left - deleted if "-" + b not in unsure}
        self.assertEqual(lost, set(), "acknowledged messages are lost")
        self.assertEqual(left - unsure, set())
        found = []

        def emptied():
            messages = sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=10,
                                           VisibilityTimeout=600).get("Messages", [])
            found.extend(message["Body"] for message in messages)
            for message in messages:
                sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
            counts = sqs.get_queue_attributes(QueueUrl=fifo, AttributeNames=["All"])["Attributes"]
            return counts["ApproximateNumberOfMessages"] == "0" and \
                counts["ApproximateNumberOfMessagesNotVisible"] == "0"
        poll("the group is emptied, what was in flight too", emptied, 60)
        gone = {body for _, body in taken}
        self.assertEqual(set(found) & gone, set(), "deleted messages came back")
        known = set(found)
        self.assertEqual([b for b in found if b in set(order)], [b for b in order if b in known])
        lost = {b for b in order if b not in known and b not in gone and "-" + b not in unsure}
        self.assertEqual(lost, set(), "acknowledged messages are lost")


class QueuesOnAFullDisk(unittest.TestCase):
    BODY = "x" * (1 << 19)

    def fill(self, host, url):
        """Sends until it is refused; gives how many were taken."""
        client, taken = sqs_client(host), 0
        self.addCleanup(client.close)
        while taken < 1000:
            try:
                client.send_message(QueueUrl=url, MessageBody=self.BODY)
            except botocore.exceptions.ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], "ServiceUnavailable")
                self.assertIn("the disk is full", error.response["Error"]["Message"])
                self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 503)
                return taken
            taken += 1
        self.fail("500 MB were taken")

    def send_again(self, client, url):
        """Within the pause after which a full disk is asked again."""
        def sent():
            try:
                return client.send_message(QueueUrl=url, MessageBody=self.BODY)
            except botocore.exceptions.ClientError:
                return None
        poll("sends work again", sent)

    def test_sends_are_refused_while_receives_and_deletes_live_on_across_a_kill(self):
        with hearthd_on_a_disk(self, "64m") as (host, state):
            host.start()
            sqs = sqs_client(host)
            url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
            taken = self.fill(host, url)
            self.assertGreater(taken, 20)
            # Whatever else there is of the disk is taken too.
            with open(os.path.join(state, "ballast"), "wb", buffering=0) as ballast:
                try:
                    while ballast.write(bytes(65536)):
                        pass
                except OSError:
                    pass
            deleted = 0
            for _ in range(2):  # The second time after a kill.
                for _ in range(300):
                    self.assertIn("Messages", sqs.receive_message(QueueUrl=url))
                got = sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)["Messages"][0]
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"],
                                              VisibilityTimeout=600)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
                deleted += 1
                self.assertEqual(self.fill(host, url), 0)
                host.kill()
                host.start()
                sqs.close()
                sqs = sqs_client(host)
                url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
            subprocess.check_call(["mount", "-o", "remount,size=200m", state])
            self.send_again(sqs, url)
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            self.assertEqual(int(counts["ApproximateNumberOfMessages"]), taken - deleted + 1)
            sqs.close()

    def test_deletes_make_room_for_sends(self):
        with hearthd_on_a_disk(self, "100m") as (host, _):
            host.start()
            sqs = sqs_client(host)
            url = sqs.create_queue(QueueName="q")["QueueUrl"]
            taken = self.fill(host, url)
            self.assertGreater(taken, 60)
            for _ in range(3):
                while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
                        "Messages"):
                    sqs.delete_message_batch(QueueUrl=url, Entries=[
                        {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]}
                        for i, m in enumerate(messages)])
                self.send_again(sqs, url)
                self.assertGreater(self.fill(host, url), 30)
            sqs.close()


if __name__ == "__main__":
    unittest.main()
