using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using static CrunSharp.Kernel.Libc.NF;
using static CrunSharp.Kernel.Libc.NFT;
using static CrunSharp.Kernel.Libc.NFTA;

namespace CrunSharp.Network.Nftables;

/// <summary>
/// Another firewall that drops what it does not know (docker, ufw, old iptables scripts): the chain
/// <c>ip filter FORWARD</c> with the policy drop. Our own accept does not help there, so it gets two rules, in exactly
/// the shape that iptables can list. What must be dropped, our own table drops.
/// </summary>
internal static class ForwardPolicy
{
    private const string Table = "filter", Chain = "FORWARD";

    /// <summary>Whether packets of a bridge would be dropped by that chain.</summary>
    public static bool Drops(NetlinkSocket netfilter, string bridge)
    {
        var question = NftBatch.Question(NFT_MSG_GETCHAIN, 0, "look at chain FORWARD", NFPROTO_IPV4)
            .AttributeText(NFTA_CHAIN_TABLE, Table).AttributeText(NFTA_CHAIN_NAME, Chain);
        return netfilter.TryGet(question, out _) is { } answer
            && NetlinkAttributes.After(answer, 4).FindBigEndian(NFTA_CHAIN_POLICY) == NF_DROP
            && Ours(netfilter, bridge).Count < 2;
    }

    /// <summary>Puts the two rules for a bridge in front of all others.</summary>
    /// <exception cref="Oci.CrunException">The kernel refuses.</exception>
    public static void Accept(NetlinkSocket netfilter, string bridge)
    {
        var batch = new NftBatch(NFPROTO_IPV4, Table);
        var name = Ruleset.Name(bridge).AsSpan(0, bridge.Length + 1);
        foreach (var key in (int[])[NFT_META_OIFNAME, NFT_META_IIFNAME])
            batch.AddRule(Chain, 0).Meta(key, NFT_REG_1).Equal(NFT_REG_1, name).Counter().Verdict(NF_ACCEPT).End();
        batch.Execute(netfilter);
    }

    /// <summary>Takes the rules for a bridge away, if the chain is there.</summary>
    public static void Remove(NetlinkSocket netfilter, string bridge)
    {
        var question = NftBatch.Question(NFT_MSG_GETCHAIN, 0, "look at chain FORWARD", NFPROTO_IPV4)
            .AttributeText(NFTA_CHAIN_TABLE, Table).AttributeText(NFTA_CHAIN_NAME, Chain);
        if (netfilter.TryGet(question, out _) is null || Ours(netfilter, bridge) is not { Count: > 0 } ours) return;
        var batch = new NftBatch(NFPROTO_IPV4, Table);
        foreach (var handle in ours)
            batch.Change(NFT_MSG_DELRULE, 0, "delete rule of chain FORWARD").AttributeText(NFTA_RULE_TABLE, Table)
                .AttributeText(NFTA_RULE_CHAIN, Chain).Attribute(NFTA_RULE_HANDLE, handle);
        batch.TryExecute(netfilter);
    }

    // The handles of our rules.
    private static List<byte[]> Ours(NetlinkSocket netfilter, string bridge)
    {
        var name = Ruleset.Name(bridge);
        var rules = NftBatch.Question(NFT_MSG_GETRULE, NLM.NLM_F_DUMP, "list chain FORWARD", NFPROTO_IPV4)
            .AttributeText(NFTA_RULE_TABLE, Table).AttributeText(NFTA_RULE_CHAIN, Chain);
        return netfilter.Dump(rules, body =>
        {
            var rule = NetlinkAttributes.After(body, 4);
            return IsOurs(rule, name) && rule.TryFind(NFTA_RULE_HANDLE, out var handle) ? handle.ToArray() : null;
        });
    }

    // meta, cmp with the name, counter, immediate
    private static bool IsOurs(NetlinkAttributes rule, ReadOnlySpan<byte> name)
    {
        var (count, isNamed, isAccepted) = (0, false, false);
        foreach (var expression in rule.FindNested(NFTA_RULE_EXPRESSIONS))
        {
            count++;
            if (!expression.Nested.TryFind(NFTA_EXPR_NAME, out var kind)) return false;
            var data = expression.Nested.FindNested(NFTA_EXPR_DATA);
            if (kind.SequenceEqual("cmp\0"u8))
            {
                isNamed |= data.FindNested(NFTA_CMP_DATA).TryFind(NFTA_DATA_VALUE, out var value)
                    && value.TrimEnd((byte)0).SequenceEqual(name.TrimEnd((byte)0));
            }
            else if (kind.SequenceEqual("immediate\0"u8))
            {
                isAccepted |= data.FindNested(NFTA_IMMEDIATE_DATA).FindNested(NFTA_DATA_VERDICT).FindBigEndian(NFTA_VERDICT_CODE) == NF_ACCEPT;
            }
        }
        return count == 4 && isNamed && isAccepted;
    }
}
