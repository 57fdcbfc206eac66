"""What ties the manifests to the code and to each other: each rule yields what breaks it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator

from k8s.tests.facts import NOWHERE, all_topics, doors_of, settings_class, settings_of
from k8s.tests.rendering import SERVICES, Manifest, container, of_kind, pods, variables
from shared.rpc.call import find_method, request_for
from shared.settings import BadSettings, ServiceSettings, load

GRACE_BEYOND_STOP_S = 10
Rule = Callable[[list[Manifest]], Iterator[str]]


def _ports(found: Manifest) -> dict[str, int]:
    return {p["name"]: p["containerPort"] for p in found["ports"]}


def every_variable_is_a_setting(docs: list[Manifest]) -> Iterator[str]:
    for service in SERVICES:
        known, given = settings_of(service), variables(container(docs, service))
        yield from (f"{service}: {name} is no setting" for name in set(given) - set(known))
        needed = {env for env, f in known.items() if f.default is dataclasses.MISSING}
        yield from (f"{service}: {name} is not given" for name in needed - set(given))
        job = of_kind(docs, "Job").get(f"{service}-migrate")
        if job is not None:
            own = variables(job["spec"]["template"]["spec"]["containers"][0])
            yield from (f"{service}-migrate: {name}" for name in set(own) - set(known))
            yield from (f"{service}-migrate: no {name}" for name in needed - set(own))
            if own.get("LARREY_MIGRATE") != "only":
                yield f"{service}-migrate does not only migrate"
            if given.get("LARREY_MIGRATE") != "never":
                yield f"{service} does not wait for its job"


def ports_are_those_that_are_listened_on(docs: list[Manifest]) -> Iterator[str]:
    doors = {
        "grpc": "LARREY_GRPC_ADDRESS",
        "health": "LARREY_HEALTH_ADDRESS",
        "metrics": "LARREY_METRICS_ADDRESS",
    }
    for service in SERVICES:
        found = container(docs, service)
        ports, given = _ports(found), variables(found)
        for name, variable in doors.items():
            if not given.get(variable, "").endswith(f":{ports.get(name)}"):
                yield f"{service}: port {name} is not that of {variable}"
        for port in of_kind(docs, "Service")[service]["spec"]["ports"]:
            if port["targetPort"] not in ports or port["port"] != ports[port["targetPort"]]:
                yield f"{service}: its Service names port {port['name']} otherwise"


def probes_ask_for_a_service_that_exists(docs: list[Manifest]) -> Iterator[str]:
    for service in SERVICES:
        found = container(docs, service)
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = found[name]["grpc"]
            if probe["port"] != _ports(found)["health"]:
                yield f"{service}: {name} asks at another port than health"
            asked = probe.get("service", "")
            if name == "readinessProbe" and asked not in doors_of(service).health:
                yield f"{service}: {name} asks for {asked or 'nothing'}"
            if name != "readinessProbe" and asked:
                yield f"{service}: {name} would kill a service that only waits for its store"


def a_pod_gets_longer_to_end_than_its_longest_answer(docs: list[Manifest]) -> Iterator[str]:
    answer = next(f for f in dataclasses.fields(ServiceSettings) if f.name == "default_deadline")
    for service in SERVICES:
        pod = of_kind(docs, "Deployment")[service]["spec"]["template"]["spec"]
        stop = float(variables(container(docs, service))["LARREY_STOP_GRACE_SECONDS"])
        if stop < answer.default.total_seconds():
            yield f"{service}: calls are cut after {stop:.0f} s, before their own deadline"
        if pod["terminationGracePeriodSeconds"] < stop + GRACE_BEYOND_STOP_S:
            yield f"{service}: killed before its calls could end"


def no_pod_may_gain_rights(docs: list[Manifest]) -> Iterator[str]:
    """Pod Security `restricted`, a read-only root and no token of the API server."""
    for name, template in pods(docs):
        pod = template["spec"]
        own = pod.get("securityContext", {})
        if own.get("runAsNonRoot") is not True or not own.get("runAsUser"):
            yield f"{name} may run as root"
        if own.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name} has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name} is given a token of the API server"
        if any("hostPath" in volume for volume in pod.get("volumes", ())):
            yield f"{name} mounts the node's disk"
        for found in (*pod["containers"], *pod.get("initContainers", ())):
            rights = found.get("securityContext", {})
            if rights.get("allowPrivilegeEscalation") is not False:
                yield f"{name} may gain rights"
            if rights.get("readOnlyRootFilesystem") is not True:
                yield f"{name} may write its root"
            if rights.get("capabilities", {}).get("drop") != ["ALL"]:
                yield f"{name} keeps capabilities"


def every_pod_asks_for_what_it_needs(docs: list[Manifest]) -> Iterator[str]:
    for name, template in pods(docs):
        for found in template["spec"]["containers"]:
            asked = found.get("resources", {})
            if not {"cpu", "memory"} <= set(asked.get("requests", {})):
                yield f"{name} requests no cpu or memory"
            if "memory" not in asked.get("limits", {}):
                yield f"{name} has no limit of memory"


def every_image_has_a_version(docs: list[Manifest]) -> Iterator[str]:
    for name, template in pods(docs):
        for found in template["spec"]["containers"]:
            _, _, version = found["image"].partition(":")
            if version in ("", "latest"):
                yield f"{name} runs whatever version comes"


def selectors_find_their_pods(docs: list[Manifest]) -> Iterator[str]:
    for service in SERVICES:
        deployment = of_kind(docs, "Deployment")[service]
        labels = deployment["spec"]["template"]["metadata"]["labels"].items()
        wanted = {
            "Deployment": deployment["spec"]["selector"]["matchLabels"],
            "Service": of_kind(docs, "Service")[service]["spec"]["selector"],
            "PodDisruptionBudget": of_kind(docs, "PodDisruptionBudget")[service]["spec"][
                "selector"
            ]["matchLabels"],
        }
        for kind, selector in wanted.items():
            if not selector.items() <= labels:
                yield f"{kind}/{service} selects no Pod"
        spread = deployment["spec"]["template"]["spec"].get("topologySpreadConstraints", ())
        zones = [s for s in spread if s["topologyKey"] == "topology.kubernetes.io/zone"]
        if not zones or any(
            not s["labelSelector"]["matchLabels"].items() <= labels for s in spread
        ):
            yield f"{service} is not spread over zones"


def the_nightly_run_is_a_call_that_demand_understands(docs: list[Manifest]) -> Iterator[str]:
    spec = of_kind(docs, "CronJob")["demand-run"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    args = spec["containers"][0]["args"]
    verb, address, method, body = args[:4]
    if verb != "call":
        yield f"larrey {verb} makes no call"
    port = _ports(container(docs, "demand"))["grpc"]
    if address != f"demand:{port}":
        yield f"the nightly run calls {address}"
    try:
        request = request_for(find_method(method), body.replace("$(JOB_NAME)", "demand-run-1"))
        if not request.request_key or not request.horizon:
            yield "the nightly run has no request key or horizon"
    except Exception as error:  # noqa: BLE001  whatever it is, it is what is wrong
        yield f"the nightly run: {error}"
    closed = variables(container(docs, "demand")).get("LARREY_ACCESS") == "closed"
    if closed != any(a.startswith("--cert=") for a in args):
        yield "the nightly run shows no certificate where one is asked for, or one where none is"


def mounted_files_are_there(docs: list[Manifest]) -> Iterator[str]:
    """Each file that a variable or argument names lies below a mount, each mount has a volume."""
    configs = of_kind(docs, "ConfigMap")
    for name, template in pods(docs):
        volumes = {v["name"] for v in template["spec"].get("volumes", ())}
        for found in template["spec"]["containers"]:
            mounts = {m["mountPath"]: m["name"] for m in found.get("volumeMounts", ())}
            yield from (f"{name} mounts no volume {v}" for v in set(mounts.values()) - volumes)
            said = " ".join([*variables(found).values(), *found.get("args", ())])
            for variable in found.get("env", ()):
                key = variable.get("valueFrom", {}).get("configMapKeyRef")
                if key and key["name"] not in configs:
                    yield f"{name}: there is no ConfigMap {key['name']}"
                elif key:
                    said += " " + configs[key["name"]]["data"][key["key"]]
            for path in re.findall(r"/etc/larrey/[\w./-]+", said):
                if path.rpartition("/")[0] not in mounts:
                    yield f"{name}: {path} lies in no mount"


def topics_are_those_of_the_protos(docs: list[Manifest]) -> Iterator[str]:
    made = of_kind(docs, "KafkaTopic")
    if not made:
        return
    needed = all_topics(SERVICES)
    yield from (f"no topic {name}" for name in needed - set(made))
    yield from (f"nobody tells or hears {name}" for name in set(made) - needed)
    for service in SERVICES:
        given = variables(container(docs, service))
        copies = int(given.get("LARREY_TOPIC_REPLICATION", "1"))
        partitions = settings_of(service)["LARREY_TOPIC_PARTITIONS"].default
        for name, topic in made.items():
            if (topic["spec"]["replicas"], topic["spec"]["partitions"]) != (copies, partitions):
                yield f"{name} is made otherwise than {service} would make it"


def kafka_users_may_do_what_their_service_does(docs: list[Manifest]) -> Iterator[str]:
    users = of_kind(docs, "KafkaUser")
    if not users:
        return
    for service in SERVICES:
        doors = doors_of(service)
        may: dict[str, set[str]] = {}
        for acl in users[f"larrey-{service}"]["spec"]["authorization"]["acls"]:
            for operation in acl["operations"]:
                may.setdefault(operation, set()).add(acl["resource"]["name"])
        dead = {f"{topic}.dead" for topic in doors.hears}
        every = doors.hears | doors.tells
        wanted = {
            "Read": {*doors.hears, doors.group},
            "Write": {*doors.tells, *dead},
            "Describe": {*every, doors.group} | {f"{topic}.dead" for topic in every},
        }
        for operation in set(may) | set(wanted):
            for name in may.get(operation, set()) ^ wanted.get(operation, set()):
                yield f"larrey-{service}: {operation} on {name}"


def scaling_follows_what_exists(docs: list[Manifest]) -> Iterator[str]:
    deployments = of_kind(docs, "Deployment")
    for kind, low in (("HorizontalPodAutoscaler", "minReplicas"), ("ScaledObject", "")):
        for name, scaler in of_kind(docs, kind).items():
            target = scaler["spec"]["scaleTargetRef"]["name"]
            if target not in deployments:
                yield f"{kind}/{name} scales nothing"
            elif "replicas" in deployments[target]["spec"]:
                yield f"{target} has a fixed number of replicas and a scaler"
            budget = of_kind(docs, "PodDisruptionBudget")[name]["spec"]["maxUnavailable"]
            if budget >= scaler["spec"][low or "minReplicaCount"]:
                yield f"{kind}/{name}: its smallest size lies within the disruption budget"


def scaling_on_lag_reads_what_its_service_hears(docs: list[Manifest]) -> Iterator[str]:
    for name, scaler in of_kind(docs, "ScaledObject").items():
        partitions = settings_of(name)["LARREY_TOPIC_PARTITIONS"].default
        if scaler["spec"]["maxReplicaCount"] > partitions:
            yield f"{name}: more copies than partitions"
        for trigger in scaler["spec"]["triggers"]:
            told = trigger["metadata"]
            if told["consumerGroup"] != doors_of(name).group:
                yield f"{name}: no group {told['consumerGroup']}"
            if told["topic"] not in doors_of(name).hears:
                yield f"{name} does not hear {told['topic']}"


def certificates_name_their_service(docs: list[Manifest]) -> Iterator[str]:
    certificates = of_kind(docs, "Certificate")
    for service in SERVICES if certificates else ():
        spec = certificates[f"{service}-tls"]["spec"]
        namespace = of_kind(docs, "Service")[service]["metadata"]["namespace"]
        for name in (service, f"{service}.{namespace}.svc"):
            if name not in spec["dnsNames"]:
                yield f"the certificate of {service} does not name {name}"
    for name, template in pods(docs):
        for volume in template["spec"].get("volumes", ()):
            secret = volume.get("secret", {}).get("secretName", "")
            if secret.endswith("-tls") and secret not in {
                c["spec"]["secretName"] for c in certificates.values()
            }:
                yield f"{name}: nobody makes the secret {secret}"


def the_production_like_are_closed(docs: list[Manifest]) -> Iterator[str]:
    """Where certificates are made, every service asks for one and its settings can be used."""
    if not of_kind(docs, "Certificate"):
        return
    for service in SERVICES:
        given = variables(container(docs, service))
        if given.get("LARREY_ACCESS") != "closed" or "LARREY_TLS_CLIENT_CA" not in given:
            yield f"{service} serves everyone"
        try:
            load(settings_class(service), {**given, **NOWHERE})
        except BadSettings as bad:
            yield f"{service}: {bad}"


def only_named_roads_are_open(docs: list[Manifest]) -> Iterator[str]:
    policies = of_kind(docs, "NetworkPolicy")
    if not policies:
        return
    shut = [
        p
        for p in policies.values()
        if p["spec"]["podSelector"] == {}
        and set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and not p["spec"].get("ingress")
        and not p["spec"].get("egress")
    ]
    if not shut:
        yield "nothing is closed by default"
    labels = {name: template["metadata"]["labels"] for name, template in pods(docs)}
    known = {value["app.kubernetes.io/name"] for value in labels.values()}
    for name, policy in policies.items():
        for asked in policy["spec"]["podSelector"].get("matchExpressions", ()):
            yield from (f"{name}: no Pod is called {v}" for v in set(asked["values"]) - known)
    grpc = {_ports(container(docs, s))["grpc"] for s in SERVICES}
    run = policies["nightly-run-calls-demand"]["spec"]["egress"][0]["ports"][0]["port"]
    if run not in grpc:
        yield f"the nightly run may only reach port {run}"
    if labels["CronJob/demand-run"].get("larrey/client") != "true":
        yield "the nightly run is not let in by demand"


def orientation_goes_first(docs: list[Manifest]) -> Iterator[str]:
    classes = of_kind(docs, "PriorityClass")
    asked = of_kind(docs, "Deployment")["orientation"]["spec"]["template"]["spec"]
    if classes and asked.get("priorityClassName") not in classes:
        yield "orientation asks for no priority class that exists"


RULES: tuple[Rule, ...] = (
    every_variable_is_a_setting,
    ports_are_those_that_are_listened_on,
    probes_ask_for_a_service_that_exists,
    a_pod_gets_longer_to_end_than_its_longest_answer,
    no_pod_may_gain_rights,
    every_pod_asks_for_what_it_needs,
    every_image_has_a_version,
    selectors_find_their_pods,
    the_nightly_run_is_a_call_that_demand_understands,
    mounted_files_are_there,
    topics_are_those_of_the_protos,
    kafka_users_may_do_what_their_service_does,
    scaling_follows_what_exists,
    scaling_on_lag_reads_what_its_service_hears,
    certificates_name_their_service,
    the_production_like_are_closed,
    only_named_roads_are_open,
    orientation_goes_first,
)
