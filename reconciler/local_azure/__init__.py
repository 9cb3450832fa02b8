"""The embedded Azure: ARM, Azure ML, blobs, identity and scoring, served to the real SDKs on this machine.

It is not Azure. It answers as Azure does for the resource types this project declares, so that a newcomer can run the
whole product without an account and so that tests can kill, throttle and contradict it.
"""
