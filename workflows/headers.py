"""Capabilities travel in headers, out of band: put on every call to a tool worker, never in an argument."""

from typing import Any

from temporalio import workflow
from temporalio.converter import DefaultPayloadConverter
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

with workflow.unsafe.imports_passed_through():
    from contracts import names
    from contracts.packing import packed


class CapabilityHeaders(Interceptor):
    """Put it on the agent worker."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002  the SDK's signature
    ) -> type[WorkflowInboundInterceptor] | None:
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002  the SDK's name
        token = getattr(workflow.instance(), "presenting", None)
        if token is not None and input.task_queue == names.TOOLS_QUEUE:
            payload = DefaultPayloadConverter().to_payload(packed(token) or token)
            input.headers = {**input.headers, names.CAPABILITY_HEADER: payload}
        return super().start_activity(input)
