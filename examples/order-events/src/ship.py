def handler(event, context):
    print('shipping', event['label'])
    return event['order']
