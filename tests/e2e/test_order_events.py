"""The example of a shop's orders on a bus: rules, a transformer, what cannot be delivered, a replay."""
import datetime
import json
import os
import unittest

from harness import ROOT, poll
from test_event_templates import client_of
from test_queues import sqs_client
from test_templates import TemplateTest

EXAMPLE = os.path.join(ROOT, "examples/order-events")
ORDERS = [{"id": "A-1", "country": "DE", "total": 20}, {"id": "A-2", "country": "FR", "total": 1500},
          {"id": "B-3", "country": "AQ", "total": 7}]
ACCOUNT = "us-east-1:000000000000"


class OrderEvents(TemplateTest):
    def setUp(self):
        super().setUp()
        self.events = client_of(self.host, "events")
        self.sqs = sqs_client(self.host)
        for client in (self.events, self.sqs):
            self.addCleanup(client.close)

    def messages(self, queue, count):
        url, found = f"{self.host.url}/000000000000/{queue}", []

        def look():
            answer = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1,
                                              MaxNumberOfMessages=10,
                                              MessageAttributeNames=["All"])
            for message in answer.get("Messages", []):
                found.append(message)
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count
        poll(f"{count} messages in {queue}", look, seconds=60)
        return found

    def shipped(self):
        return [line[line.index("shipping"):] for line in self.hearth("logs", "Ship").splitlines()
                if "shipping" in line]

    def test_everybody_hears_of_the_orders_that_are_meant_for_them(self):
        self.hearth("deploy", os.path.join(EXAMPLE, "template.yaml"))
        before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
        answer = self.host.invoke("Shop", {"orders": ORDERS})
        self.assertEqual(answer.json, {"placed": 3, "failed": []})
        poll("two are shipped", lambda: len(self.shipped()) == 2, seconds=60)
        self.assertEqual(sorted(self.shipped()), ["shipping order A-1 to DE",
                                                  "shipping order A-2 to FR"])
        review = self.messages("Review", 1)
        self.assertEqual([json.loads(each["Body"]) for each in review], [ORDERS[1]])

        # The partner has no queue: what it did not get says so.
        dead = self.messages("Undelivered", 2)
        self.assertEqual(sorted(json.loads(each["Body"])["detail"]["id"] for each in dead),
                         ["A-2", "B-3"])
        attributes = {name: value["StringValue"]
                      for name, value in dead[0]["MessageAttributes"].items()}
        self.assertEqual(attributes["TARGET_ARN"], f"arn:aws:sqs:{ACCOUNT}:partner")
        self.assertRegex(attributes["RULE_ARN"],
                         rf"^arn:aws:events:{ACCOUNT}:rule/orders/order-events-Abroad-[0-9A-F]{{12}}$")
        self.assertIn("ERROR_CODE", attributes)

        # All of it again, from the archive.
        self.events.start_replay(
            ReplayName="again", EventStartTime=before,
            EventEndTime=datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(minutes=1),
            EventSourceArn=f"arn:aws:events:{ACCOUNT}:archive/orders",
            Destination={"Arn": f"arn:aws:events:{ACCOUNT}:event-bus/orders"})
        poll("the replay has ended", lambda: self.events.describe_replay(
            ReplayName="again")["State"] == "COMPLETED", seconds=60)
        poll("two are shipped again", lambda: len(self.shipped()) == 4, seconds=60)
        self.assertEqual([json.loads(each["Body"]) for each in self.messages("Review", 1)],
                         [ORDERS[1]])
        self.hearth("delete", "order-events")
        self.assertEqual([bus["Name"] for bus in self.events.list_event_buses()["EventBuses"]],
                         ["default"])


if __name__ == "__main__":
    unittest.main()
