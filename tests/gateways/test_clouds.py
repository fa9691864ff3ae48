"""
Documents for cloud services: they fit the services' own models, and share nothing more.
"""

import json

import pytest
from kit.gateways import APP
from kit.serving import needed

from corsguard import PolicyError
from corsguard.gateways import export

SAFE = {"allow_origins": [APP], "allow_credentials": True, "allow_methods": ["GET", "PUT"]}


def s3(**keywords):
    return json.loads(export("s3", keywords)["cors.json"])


def http_api(**keywords):
    yaml = needed("yaml", "gateways")
    return yaml.safe_load(export("aws-http-api", keywords)["cors.yaml"])["x-amazon-apigateway-cors"]


def reasons(target, policy):
    with pytest.raises(PolicyError) as refused:
        export(target, policy)
    assert {problem.code for problem in refused.value.problems} == {"E857"}
    return " ".join(problem.message for problem in refused.value.problems)


def validated(service, operation, parameters):
    """
    Validate *parameters* with the model that the SDK of AWS publishes.
    """
    botocore = needed("botocore.session", "gateways")
    from botocore.validate import ParamValidator

    model = botocore.get_session().get_service_model(service).operation_model(operation)
    report = ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_s3_gets_a_rule_for_each_policy():
    document = s3(
        **{**SAFE, "allow_origins": [APP, "https://*.example.org", "http://localhost:*"], "expose_headers": ["ETag"]}
    )
    (rule,) = document["CORSRules"]
    assert rule.pop("ID").startswith("corsguard ")
    assert rule == {
        "AllowedOrigins": [APP, "https://*.example.org", "http://localhost:*", "http://localhost"],
        "AllowedMethods": ["GET", "PUT"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 7200,
    }
    validated("s3", "PutBucketCors", {"Bucket": "b", "CORSConfiguration": document})


def test_s3_may_share_with_everyone():
    document = s3(allow_origins="*", allow_headers=["*", "Authorization"], max_age=None)
    (rule,) = document["CORSRules"]
    assert (rule["AllowedOrigins"], rule["AllowedHeaders"], "MaxAgeSeconds" in rule) == (["*"], ["*"], False)
    assert len(rule["ID"]) <= 255
    validated("s3", "PutBucketCors", {"Bucket": "b", "CORSConfiguration": document})


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"allow_methods": ["PATCH"], "allow_headers": ["Content-Type"]}, 'not "PATCH"'),
        ({"allow_credentials": False}, "allows credentials for every listed origin"),
        ({"allow_origins": ["https://pr-*.example.org"]}, "also stands for dots"),
        ({"allow_origins": ["https://*.example.org:*"]}, "also stands for dots"),
        ({"allow_origins": "*", "allow_credentials": False, "expose_headers": "*"}, "cannot expose all headers"),
        ({"allow_origins": "*", "allow_credentials": False, "allow_headers": "*"}, '"*" includes Authorization'),
        ({"allow_origins": "*", "allow_credentials": False, "allow_methods": "*"}, 'not "*"'),
    ],
)
def test_a_policy_that_s3_cannot_express_is_refused(more, reason):
    assert reason in reasons("s3", {**SAFE, **more})


def test_an_http_api_gets_its_document():
    cors = http_api(**SAFE, allow_headers=["Content-Type"], expose_headers=["ETag"], max_age=60)
    assert cors == {
        "allowOrigins": [APP],
        "allowMethods": ["GET", "PUT"],
        "allowHeaders": ["Content-Type"],
        "exposeHeaders": ["ETag"],
        "allowCredentials": True,
        "maxAge": 60,
    }
    named = {name[0].upper() + name[1:]: value for name, value in cors.items()}
    validated("apigatewayv2", "CreateApi", {"Name": "a", "ProtocolType": "HTTP", "CorsConfiguration": named})
    head = export("aws-http-api", SAFE)["cors.yaml"].partition("x-amazon")[0]
    assert "We did not run it" in head


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"allow_origins": ["https://*.example.org"]}, "exact origins only"),
        (
            {"allow_origins": "*", "allow_credentials": False, "allow_headers": ["*", "Authorization"]},
            "List the headers",
        ),
    ],
)
def test_a_policy_that_an_http_api_cannot_express_is_refused(more, reason):
    assert reason in reasons("aws-http-api", {**SAFE, **more})


@pytest.mark.parametrize("target", ["s3", "aws-http-api"])
@pytest.mark.parametrize("policies", [{"/api": SAFE, "/": None}, {"/api": SAFE}, {"hosts": {"a.example": SAFE}}])
def test_a_document_has_neither_hosts_nor_paths(target, policies):
    assert "none by host or path" in reasons(target, policies)


@pytest.mark.parametrize("target", ["s3", "aws-http-api"])
def test_a_document_shares_no_timings(target):
    assert "Remove share_timing." in reasons(target, {**SAFE, "share_timing": True})


@pytest.mark.parametrize("target", ["s3", "aws-http-api"])
def test_null_is_refused(target):
    policy = {"allow_unsafe_origins": {"null": "kiosks"}, "allow_origins": [APP]}
    assert '"null"' in reasons(target, policy)
