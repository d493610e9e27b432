"""The context object of a call, with every member that AWS documents."""
import time


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, values):
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")

    def __repr__(self):
        return (f"{type(self).__name__}([cognito_identity_id={self.cognito_identity_id},"
                f"cognito_identity_pool_id={self.cognito_identity_pool_id}])")


class Client:
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code",
                 "app_package_name")

    def __init__(self, values):
        for name in self.__slots__:
            setattr(self, name, values.get(name))


class ClientContext:
    __slots__ = ("custom", "env", "client")

    def __init__(self, values):
        self.custom = values.get("custom")
        self.env = values.get("env")
        client = values.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


_NO_IDENTITY = CognitoIdentity({})


class Context:
    # The log formatter's way to the call that runs.
    current_request_id = None
    @classmethod
    def set_up(cls, environment):
        """What is the same for every call of this sandbox."""
        cls.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        cls.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        cls.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        cls.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        cls.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")

    def __init__(self, request_id, deadline_ms, arn, client, identity, tenant):
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self._deadline_ms = deadline_ms
        self.tenant_id = tenant.decode() if tenant else None
        self.client_context = None
        self.identity = _NO_IDENTITY
        if client or identity:
            import json
            if client:
                self.client_context = ClientContext(json.loads(client))
            if identity:
                self.identity = CognitoIdentity(json.loads(identity))

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        print(message, end="" if str(message).endswith("\n") else "\n")

    def __repr__(self):
        return (f"LambdaContext([aws_request_id={self.aws_request_id},"
                f"log_group_name={self.log_group_name},log_stream_name={self.log_stream_name},"
                f"function_name={self.function_name},memory_limit_in_mb={self.memory_limit_in_mb},"
                f"function_version={self.function_version},"
                f"invoked_function_arn={self.invoked_function_arn},"
                f"client_context={self.client_context},identity={self.identity},"
                f"tenant_id={self.tenant_id}])")
